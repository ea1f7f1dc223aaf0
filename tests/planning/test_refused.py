"""What is refused before any job starts, with the file and how to mend it."""

from pathlib import Path

import pytest

from fewmask.core.errors import ConfigError, FewmaskError
from fewmask.planning.grid import load_grid
from tests.conftest import SMALL_UNET, small_stage
from tests.planning.chain import EXPERIMENT, METHOD, write


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"methods": ["chian"]}, ["there is no config/methods/chian.yaml", "did you mean chain?"]),
        ({"datasets": ["../x"]}, ["datasets.0", "not an allowed name"]),
        ({"datasets": ["room; rm -rf x"]}, ["datasets.0", "not an allowed name"]),
        ({"fractions": [5]}, ["write a count of 5 as n5"]),
        ({"fractions": ["one_eighth"]}, ["has no list one_eighth", "a share (0.05)"]),
        ({"fractions": [0.05, "0.050"]}, ["named twice: 0.05"]),
        ({"fractions": ["n4", "n04"]}, ["named twice: n4"]),
        ({"fractions": [1e-12]}, ["a share lies between 0 and 1"]),
        ({"fractions": [0.9999999999, "all"]}, ["named twice: all"]),
        ({"fractions": ["a" * 99]}, ["a fraction is a share (0.05), a count (n100)"]),
        ({"fractions": ["n" + "9" * 5000]}, ["a fraction is a share (0.05), a count (n100)"]),
        ({"seeds": []}, ["seeds", "at least 1 item"]),
        ({"results": "../elsewhere"}, ["results", "without '..'"]),
        ({"results": "elsewhere"}, ["a folder below it"]),
        ({"overrides": [{"settings": {"stepz": 3}}]}, ["overrides.0.settings.stepz", "steps?"]),
        ({"overrides": [{"setting": {}}]}, ["overrides.0.setting", "did you mean settings?"]),
    ],
)
def test_a_bad_experiment_is_refused(small: Path, config: dict, expected: list[str]):
    with pytest.raises(ConfigError) as caught:
        load_grid(config=config)
    for part in expected:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("", "base.yaml:6: overrides: Input should be a valid list\n  found: None"),
        ("5", "base.yaml:6: overrides: Input should be a valid list\n  found: 5"),
        ("[5]", "base.yaml:6: overrides.0: needs keys with values\n  found: 5\n  expected: when"),
        ("[{settings: 5}]", "base.yaml:6: overrides.0.settings: Input should be a valid dict"),
        ("[{when: {methd: a}, settings: {}}]", "base.yaml:6: overrides.0.when.methd: unknown key"),
    ],
)
def test_bad_overrides_of_a_file_that_is_extended_are_refused(
    small: Path, overrides: str, expected: str
):
    write("experiments/base", EXPERIMENT + f"overrides: {overrides}\n")
    write("experiments/twin", "extends: base\noverrides:\n  - settings: {steps: 3}\n")
    with pytest.raises(ConfigError) as caught:
        load_grid([Path("config/experiments/twin.yaml")])
    assert expected in str(caught.value)


@pytest.mark.parametrize("results", ["results", "results/here"])
def test_results_that_are_a_file_are_refused(small: Path, results: str):
    Path("results").touch()
    with pytest.raises(FewmaskError, match="results: a file, and no folder for results\n  mend"):
        load_grid(config={"results": results})


def test_a_missing_key_is_told_of_the_file_not_of_what_lies_on_top(small: Path):
    write("config", EXPERIMENT.replace("seeds", "seeeds"))
    with pytest.raises(ConfigError) as caught:
        load_grid(config={"title": "On top"})
    assert "config/config.yaml: seeds: this key is required and missing" in str(caught.value)
    assert "config/config.yaml:5: seeeds: unknown key" in str(caught.value)


def test_a_stage_must_start_from_an_earlier_one(small: Path):
    write("methods/chain", METHOD.replace("start_from: first", "start_from: third"))
    with pytest.raises(ConfigError, match=r"no stage third before second\n  known: first"):
        load_grid()


def test_a_circle_of_stages_is_refused(small: Path):
    write("methods/chain", METHOD.replace("first: {}", "first: {start_from: second}"))
    with pytest.raises(ConfigError, match="no stage second before first"):
        load_grid()


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("{when: {method: chian}, settings: {}}", "there is no method chian (did you mean chain?)"),
        ("{when: {stage: secnd}, settings: {}}", "there is no stage secnd (did you mean second?)"),
        ("{when: {dataset: roms}, settings: {}}", "there is no dataset roms (did you mean rooms?)"),
        (
            "{when: {fraction: n5}, settings: {}}",
            "selects nothing of the grid\n  found: fraction: n5",
        ),
        (
            "{when: {fraction: [n40], method: [chain], stage: elsewhere}, settings: {}}",
            "found: method: ['chain'], fraction: ['n40'], stage: elsewhere",
        ),
        (
            "{when: {fraction: n7}, settings: {stepz: 9}}",
            "stepz: unknown key (did you mean steps?)",
        ),
    ],
)
def test_an_override_for_nothing_is_told(small: Path, override: str, expected: str):
    write("methods/other", METHOD.replace("second:", "elsewhere:"))
    write("config", EXPERIMENT + f"overrides:\n  - {override}\n")
    with pytest.raises(ConfigError) as caught:
        load_grid()
    assert expected in str(caught.value)
    assert "config/config.yaml" in str(caught.value)


def test_an_override_for_what_a_file_below_asks_for_may_stay(small: Path):
    write("experiments/base", EXPERIMENT + "overrides: [{when: {fraction: n40}, settings: {}}]\n")
    write("experiments/twin", "extends: base\nfractions: [all]\n")
    assert load_grid([Path("config/experiments/twin.yaml")]).runs
    assert load_grid([Path("config/experiments/base.yaml")], {"fractions": ["all"]}).runs


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ("", "config/methods/other.yaml:2: stages: Input should be a valid dictionary"),
        ("{5: {}}", "config/methods/other.yaml:2: stages.5: Input should be a valid string"),
        ("{first: 5}", "config/methods/other.yaml:2: stages.first: Input should be a valid dict"),
        ("{first: null, second: null}", "stages: there is none; a method needs one that is not"),
        ("{Second: {}}", "config/methods/other.yaml:2: stages.Second: not an allowed name"),
        ("[1", "config/methods/other.yaml:2: not valid YAML"),
    ],
)
def test_a_method_that_is_wrong_is_told_where_it_is_asked_for_and_only_there(
    small: Path, stages: str, expected: str
):
    write("methods/other", f"extends: chain\nstages: {stages}\n")
    write("methods/third", "extends: other\nstages: {first: {}}\n")
    write("config", EXPERIMENT + "overrides: [{when: {stage: second}, settings: {steps: 3}}]\n")
    assert load_grid().runs
    for method in ("other", "third"):
        write("config", EXPERIMENT.replace("chain", method))
        if method == "third" and "null" in stages:
            continue  # a method may be there only to be extended
        with pytest.raises(ConfigError) as caught:
            load_grid()
        assert expected in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"network": {"architecture": {"name": "unet", "decoder_channels": [-1, 8, 8]}}},
        {"optimiser": {"betas": [2, 3]}},
        {"optimiser": {"learning_rate": float("inf")}},
        {"optimiser": {"weight_decay": float("nan")}},
        {"checkpoint_minutes": float("inf")},
        {"clip_gradient_norm": float("inf")},
        {"augmentation": {"scale": [1, float("inf")]}},
        {"augmentation": {"blur_sigma": [0.1, 1e9]}},
        {"steps": 10**12},
        {"batch": {"labelled": 10**9}},
        {"network": {"architecture": {"name": "unet", "decoder_channels": [10**9, 8, 8]}}},
        {"optimiser": {"name": "sgd", "learning_rate": 1.0, "momentum": 0, "nesterov": True}},
        {"augmentation": {"crop": [-3, 2]}},
        {"network": {"weights": "a {dataset}.safetensors"}},
        {"weighting": {"name": "fixed", "weights": {"dise": 0.5}}},
        {"weighting": {"name": "fixed", "weights": {"cross_entropy": -1}}},
        {"evaluation": {"metric": "none", "patience": 3}},
    ],
    ids=str,
)
def test_values_that_cannot_be_are_refused_before_any_job(small: Path, settings: dict):
    with pytest.raises(ConfigError):
        load_grid(config={"overrides": [{"settings": settings}]})


MASKED = {"objective": {"name": "masked_image"}, "batch": {"labelled": 0, "all": 4}}


DEPTHS = MASKED | {"objective": {"name": "multi_task", "tasks": ["depth"]}}


PUPIL = {"objective": {"name": "self_training"}, "batch": {"labelled": 2, "unlabelled": 2}}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"network": {"architecture": "segnet"}}, "segnet cannot be built on resnet18"),
        ({"network": {"architecture": "deeplabv3", "encoder": "vgg11"}}, "lacks last stages"),
        ({"network": {"architecture": "unetplusplus", "encoder": "mit_b0"}}, "lacks a feature map"),
        ({"augmentation": {"crop": 40}}, "images of 40 x 40 do not fit the network"),
        ({"augmentation": {"crop": [64, 48]}}, "(or the crop) to [64, 64]"),
        (MASKED | {"objective": {"name": "masked_image", "patch_size": 65}}, "patch_size is 65"),
        (MASKED | {"augmentation": {"crop": 32}, "objective": {"name": "masked_image",
         "patch_size": 33}}, "larger than images of 32 x 32"),
        (PUPIL | {"network": {"encoder": "vgg11"}, "pseudo_masks": "first"}, "vgg11 has none"),
        ({"resources": {"gpus": 0, "processes": 3}}, "batch.labelled is 4, which 3 processes"),
        (DEPTHS | {"augmentation": {"crop_area": [0.5, 1], "crop_aspect": [0.5, 2]}}, "stretches"),
        ({"network": {"weights": "not_there.safetensors"}}, "no file not_there.safetensors"),
        ({"dataset": "photos", "labels": "all"}, "learns segmentation, which this dataset"),
        ({"objective": {"classification": {}}}, "supervised learns category, which this dataset"),
        (DEPTHS | {"dataset": "photos"}, "multi_task learns depth, which this dataset lacks"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_job_could_not_do_is_told_before_it_starts(
    small: Path, settings: dict, expected: str
):
    write(
        "datasets/photos",
        "reader: {name: folder, images: 'a/*.jpg'}\nroot: photos\nsize: 64\nclasses: []\n",
    )
    write("datasets/rooms", "reader: {name: scenes, images: 50}\nclasses: [a, b]\nsize: 64\n")
    settings = {"evaluation": {"metric": "none"}} | settings
    when = {"stage": "second" if "pseudo_masks" in settings else "first"}
    with pytest.raises(ConfigError) as caught:
        load_grid(config={"overrides": [{"when": when, "settings": settings}]})
    assert expected in str(caught.value)


def test_what_simclr_sees_of_images_must_fit_the_encoder_alone():
    views = {"name": "simclr", "views": {"crop": 40, "crop_area": [1, 1]}}
    network = {"architecture": "deeplabv2", "encoder": "resnet18", "weights": "none"}
    changes = {"network": network, "batch": {"all": 4}, "evaluation": {"metric": "loss"}}
    with pytest.raises(ValueError, match=r"images of 40 x 40 .* multiples of 32"):
        small_stage(objective=views, **changes).check_images(64, 64)
    views["views"]["crop"] = 32
    small_stage(objective=views, **changes).check_images(41, 41)


@pytest.mark.parametrize("size", ["size: 72", "tiles: {size: 72, overlap: 8}"])
def test_images_must_fit_the_network(small: Path, size: str):
    write("datasets/rooms", f"reader: {{name: scenes, images: 50}}\nclasses: [a, b]\n{size}\n")
    with pytest.raises(ConfigError) as caught:
        load_grid()
    assert str(caught.value) == (
        "config/config.yaml: stage first of chain on rooms: images of 72 x 72 do not fit the "
        "network: unet with resnet18 needs multiples of 32\n"
        "  mend: set the size of the dataset or its tiles (or the crop) to [64, 64]"
    )
    network = {"network": {"architecture": SMALL_UNET}}
    assert load_grid(config={"overrides": [{"settings": network}]}).runs


MULTI_TASK = """\
network: {encoder: resnet18, weights: none}
stages:
  tasks:
    objective: {name: multi_task, tasks: [depth, normal]}
    optimiser: {name: adamw, learning_rate: 0.001}
    batch: {all: 4}
    steps: 100
    evaluation: {metric: loss}
"""


AFTER = """\
  masks:
    objective: {name: supervised}
    optimiser: {name: adamw, learning_rate: 0.001}
    batch: {labelled: 4}
    steps: 100
    start_from: tasks
    transfer: [encoder]
"""


@pytest.mark.parametrize("owner", ["run", "stage"])
def test_normals_of_stretched_images_are_not_learnt(small: Path, owner: str):
    dataset = "reader: {name: scenes, images: 50}\nclasses: [a, b]\nfit: stretch\n"
    on, method = "halls", MULTI_TASK
    if owner == "stage":
        on, method = "rooms", MULTI_TASK.replace("steps", "dataset: halls\n    steps") + AFTER
    write("datasets/halls", dataset)
    write("methods/multi_task", method)
    requested = {"datasets": [on], "methods": ["multi_task"]}
    with pytest.raises(ConfigError) as caught:
        load_grid(config=requested)
    assert str(caught.value) == (
        "config/datasets/halls.yaml: fit is stretch, which changes shapes\n"
        "  expected: pad or crop, for tasks of multi_task learns surface normals\n"
        "  mend: fit: pad (or crop), or leave normal out of the stage's tasks"
    )
    write("methods/multi_task", method.replace("[depth, normal]", "[depth]"))
    load_grid(config=requested)
    write("methods/multi_task", method)
    write("datasets/halls", dataset.replace("stretch", "crop"))
    load_grid(config=requested)
