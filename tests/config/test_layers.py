"""Layers: what merging does, and that every mistake is reported with its place and its mend."""

from pathlib import Path

import pytest

from fewmask.config.dataset import Dataset
from fewmask.config.explain import did_you_mean
from fewmask.config.layers import load_chain, load_yaml, merge, validate
from fewmask.config.stage import Stage
from fewmask.core.errors import ConfigError

STAGE = """\
network: {encoder: resnet18, weights: none}
objective: {name: supervised}
optimiser:
  name: adamw
  learning_rate: 0.001
steps: 100
batch: {labelled: 4}
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_merge_goes_key_by_key():
    base = {"a": {"x": 1, "y": 2}, "b": [1, 2]}
    assert merge(base, {"a": {"y": 3}, "b": [4]}) == {"a": {"x": 1, "y": 3}, "b": [4]}


def test_another_name_inherits_nothing():
    base = {"name": "adamw", "learning_rate": 1, "betas": [0, 0]}
    assert merge(base, {"name": "sgd", "learning_rate": 2}) == {"name": "sgd", "learning_rate": 2}
    assert merge(base, {"name": "adamw", "learning_rate": 2})["betas"] == [0, 0]


def test_a_file_lies_on_top_of_what_it_extends(tmp_path: Path):
    write(tmp_path / "base.yaml", STAGE)
    child = write(tmp_path / "child.yaml", "extends: base\nsteps: 7\n")
    stage = validate(Stage, load_chain(child))
    assert (stage.steps, stage.network.encoder) == (7, "resnet18")


def test_a_circle_of_files_is_named(tmp_path: Path):
    write(tmp_path / "a.yaml", "extends: b\n")
    b = write(tmp_path / "b.yaml", "extends: a\n")
    with pytest.raises(ConfigError, match=r"b\.yaml: extends itself by way of"):
        load_chain(b)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("steps: 100|stepz: 100", ["stage.yaml:6: stepz", "did you mean steps?", "steps"]),
        ("adamw|sdg", ["stage.yaml:3: optimiser", "did you mean sgd?", "adam, adamw, sgd"]),
        ("  learning_rate: 0.001\n|", ["stage.yaml:3: optimiser.learning_rate", "required"]),
        ("learning_rate: 0.001|learning_rate: -1", [":5: optimiser.learning_rate", "greater"]),
        ("learning_rate: 0.001|learning_rat: 1", [":5", "did you mean learning_rate?", "betas"]),
        ("resnet18|resnet81", ["stage.yaml:1: network.encoder", "did you mean resnet18?"]),
        ("steps: 100|steps: many", ["stage.yaml:6: steps", "a number of steps", "'many'"]),
        ("labelled: 4|labeled: 4", ["batch.labeled", "did you mean labelled?"]),
        ("labelled: 4|unlabelled: 4", ["draws unlabelled", "supervised needs labelled"]),
        ("steps: 100|steps: 100\ntake_over: [encoder]", ["take_over", "(renamed: use transfer)"]),
        (
            "none}|none, aspp_rates: [6]}",
            [":1: network.aspp_rates", "{name: deeplabv2, aspp_rates"],
        ),
        ("none}|none, architecture: unett}", [":1: network.architecture", "did you mean unet?"]),
        (
            "none}|none, architecture: {name: fpn, decoder_channels: [8, 8, 8]}}",
            [":1: network.architecture.decoder_channels: unknown key", "expected: name"],
        ),
        ("none}|none, architecture: {aspp_rates: [6]}}", ["architecture: needs a 'name'"]),
        ("name: supervised|name: superwised", ["objective", "superwised", "supervised"]),
    ],
)
def test_a_mistake_is_told_with_place_and_mend(tmp_path: Path, change: str, expected: list[str]):
    old, new = change.split("|")
    assert old in STAGE
    path = write(tmp_path / "stage.yaml", STAGE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        validate(Stage, load_chain(path))
    for part in expected:
        assert part in str(caught.value)


def test_a_mistake_is_told_of_the_file_that_makes_it(tmp_path: Path):
    write(tmp_path / "base.yaml", STAGE.replace("steps: 100", "steps: none"))
    child = write(tmp_path / "child.yaml", "extends: base\nbatch: {labeled: 3}\n")
    with pytest.raises(ConfigError) as caught:
        validate(Stage, load_chain(child))
    first, second = str(caught.value).split("\n  expected")[0], str(caught.value)
    assert "base.yaml:6: steps" in first or "base.yaml:6: steps" in second
    assert "child.yaml:2: batch.labeled" in second


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1\n", "not valid YAML"),
        ("a: 1\na: 2\n", "bad.yaml:2: not valid YAML: a is given twice"),
        ("- 1\n", "expected keys and values, found list"),
        ("", "expected keys and values"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, expected: str):
    path = write(tmp_path / "bad.yaml", text)
    with pytest.raises(ConfigError, match=expected) as caught:
        load_yaml(path)
    assert str(path) in str(caught.value)


DATASET = {
    "reader": {"name": "folder", "images": "images/*.jpg", "masks": "masks/*.png"},
    "root": "leaves",
    "classes": ["background", "leaf"],
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"root": "../secret"}, "without '..'"),
        ({"root": "/etc"}, "relative path"),
        ({"root": None}, r"here\.yaml: the reader folder needs a root"),
        ({"classes": ["leaf", "leaf", "stem"]}, "two classes share a name: leaf$"),
        ({"size": 10**9}, "size.*less than or equal to 8192"),
        ({"size": [0, 0]}, "size.0: Input should be greater than or equal to 16"),
        ({"size": [-5, 64]}, "size.0: Input should be greater than or equal to 16"),
        ({"split": {"test": float("nan")}}, "split.test"),
        ({"split": {"lists": {"n4": "4.txt"}}}, "n4 already means a fraction"),
        ({"split": {"lists": {"all": "all.txt"}}}, "all already means a fraction"),
        ({"description": "a" * 2000}, "description: String should have at most 1000 characters"),
        ({"classes": ["leaf", "ignore"]}, "'ignore' is no class"),
        ({"classes": ["background", "leaf\0"]}, "classes.1: must be one line of text"),
        ({"classes": ["background", "\x1b[31mleaf"]}, "classes.1: must be one line of text"),
        ({"description": "a\nb"}, "description: must be one line of text"),
        ({"split": {"train": ["a\x07"]}}, "split.train: must be one line of text"),
        ({"mask_values": {"0": "leaf", 0: "background"}}, "two keys are the same value"),
        ({"mask_values": {1: "lead"}}, "mask_values names lead; the classes are background, leaf"),
        ({"reader": {"name": "folder", "images": "a.jpg"}}, r"must hold a \*"),
        ({"classes": ["a", {"name": "b", "colour": [0, 0, 300]}]}, "between 0 and 255"),
    ],
)
def test_a_bad_dataset_is_refused(change: dict, expected: str):
    from fewmask.config.layers import Layer

    with pytest.raises(ConfigError, match=expected):
        validate(Dataset, [Layer("here.yaml", DATASET | change)])


def test_an_old_name_is_only_recognised_where_its_present_name_is_allowed():
    assert did_you_mean("pictures", ["images", "seed"]) == " (renamed: use images)"
    assert did_you_mean("pictures", ["seed"]) == ""
    written_now = " (renamed: use tasks: [{name: depth, loss: ...}])"
    assert did_you_mean("depth_loss", ["name", "tasks"]) == written_now
    assert did_you_mean("sead", ["images", "seed"]) == " (did you mean seed?)"
