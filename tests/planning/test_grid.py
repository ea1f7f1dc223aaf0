"""The grid: runs, stages and files that follow from YAML, and what is shared."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fewmask.config.layers import load_chain
from fewmask.config.named import load_dataset
from fewmask.core.cells import Run
from fewmask.core.errors import ConfigError, FewmaskError
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.planning.requested import requested_by
from tests.conftest import ROOT, small_stage

METHOD = """\
network: {encoder: resnet18, weights: none}
defaults:
  objective: {name: supervised}
  optimiser: {name: adamw, learning_rate: 0.001}
  batch: {labelled: 4}
  steps: 100
stages:
  first: {}
  second: {start_from: first, steps: 50}
"""

EXPERIMENT = """\
title: A small grid
datasets: [rooms]
methods: [chain]
fractions: [0.05, n40, 1.0]
seeds: [0, 1]
"""


@pytest.fixture
def small(project: Path) -> Path:
    """A project with one dataset, one method of two stages and one experiment."""
    write("datasets/rooms", "reader: {name: scenes, images: 50}\nclasses: [a, b]\n")
    write("methods/chain", METHOD)
    write("config", EXPERIMENT)
    return project


def write(name: str, text: str) -> None:
    Path(f"config/{name}.yaml").write_text(text)


def folders(method: str, fraction: str = "n40") -> list[str]:
    """The folders of the stages of a run."""
    grid = load_grid()
    run = Run("rooms", method, fraction, 0)
    return [grid.layout.stage_folder(key, 0) for key in grid.stages(run)]


def test_runs_are_the_product_of_the_axes(small: Path):
    grid = load_grid()
    assert len(grid.runs) == 6
    assert [run.fraction for run in grid.runs[::2]] == ["0.05", "n40", "all"]


def test_files_of_a_stage_follow_from_its_cell(small: Path):
    grid = load_grid()
    first, second = grid.stages(grid.runs[0])
    assert JobArguments(grid).train_inputs(second, 0) == {
        "dataset": "results/datasets/rooms.h5",
        "split": "results/splits/rooms/0.05/0.csv",
        "start_from": "results/stages/rooms/chain/0.05/0/first/weights.safetensors",
    }
    assert JobArguments(grid).train_options(first, 0) == ""
    inputs = JobArguments(grid).evaluate_inputs(grid.runs[0])
    assert inputs["weights"] == "results/stages/rooms/chain/0.05/0/second/weights.safetensors"
    assert len(inputs["training"]) == 2


def test_encoder_weights_are_an_input(small: Path):
    write("methods/chain", METHOD.replace("weights: none", "weights: imagenet"))
    grid = load_grid()
    first, second = grid.stages(grid.runs[0])
    assert (
        JobArguments(grid).train_inputs(first, 0)["encoder"]
        == "results/encoders/resnet18.safetensors"
    )
    assert "encoder" not in JobArguments(grid).train_inputs(second, 0)


def test_what_cannot_change_a_result_is_not_handed_to_the_job(small: Path):
    before = load_grid()
    changed = METHOD.replace("steps: 100", "steps: 100\n  checkpoint_minutes: 9")
    write("methods/chain", changed.replace("steps: 50", "steps: 50, resources: {minutes: 7}"))
    after = load_grid()
    for run in before.runs:
        for old, new in zip(before.stages(run), after.stages(run), strict=True):
            assert JobArguments(before).train_settings(old) == JobArguments(after).train_settings(
                new
            )
    assert after.stage(after.stages(after.runs[0])[1]).resources.minutes == 7


def test_neither_are_curves(small: Path):
    before, after = load_grid(), load_grid(config={"tensorboard": True})
    key = before.stages(before.runs[0])[0]
    assert JobArguments(before).train_settings(key) == JobArguments(after).train_settings(key)
    assert requested_by(before) == requested_by(after)
    folder = before.layout.stage_folder(key, 0).replace("/stages/", "/tensorboard/")
    assert JobArguments(after).tensorboard_option(key, 0) == f"--tensorboard {folder}"


def test_an_override_reaches_what_it_selects(small: Path):
    write(
        "config",
        EXPERIMENT
        + "overrides:\n"
        + "  - settings: {steps: 10}\n"
        + "  - {when: {fraction: 0.05, stage: second}, settings: {steps: 20}}\n",
    )
    grid = load_grid()
    steps = {
        (run.fraction, key.stage): grid.stage(key).steps
        for run in grid.runs
        for key in grid.stages(run)
    }
    assert steps[("0.05", "second")] == 20
    assert set(steps.values()) == {10, 20}
    assert sum(value == 20 for value in steps.values()) == 1


def test_a_stage_left_as_it_was_is_shared_with_the_extended_method(small: Path):
    write("methods/longer", "extends: chain\nstages:\n  second: {steps: 99}\n")
    write("config", EXPERIMENT.replace("[chain]", "[chain, longer]"))
    assert folders("longer") == [
        "results/stages/rooms/chain/n40/0/first",
        "results/stages/rooms/longer/n40/0/second",
    ]


def test_a_stage_after_a_changed_one_is_not_shared(small: Path):
    write("methods/other", "extends: chain\nstages:\n  first: {steps: 99}\n")
    write("config", EXPERIMENT.replace("[chain]", "[other]"))
    assert folders("other") == [
        "results/stages/rooms/other/n40/0/first",
        "results/stages/rooms/other/n40/0/second",
    ]


def test_sharing_does_not_depend_on_what_else_is_in_the_grid(small: Path):
    write("methods/longer", "extends: chain\nstages:\n  second: {steps: 99}\n")
    write("config", EXPERIMENT.replace("[chain]", "[longer]"))
    assert folders("longer")[0] == "results/stages/rooms/chain/n40/0/first"


def test_config_lies_on_top_of_the_file(small: Path):
    grid = load_grid(config={"seeds": [5], "title": "A small grid"})
    assert {run.seed for run in grid.runs} == {5}


def test_an_experiment_adds_overrides_to_those_it_extends(small: Path):
    base = EXPERIMENT + "overrides:\n  - settings: {steps: 10}\n"
    write("experiments/base", base)
    write(
        "experiments/twin",
        "extends: base\noverrides:\n  - {when: {stage: second}, settings: {steps: 3}}\n",
    )
    grid = load_grid([Path("config/experiments/twin.yaml")])
    assert [grid.stage(key).steps for key in grid.stages(grid.runs[0])] == [10, 3]


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
        ("[5]", "base.yaml:6: overrides.0: Input should be a valid dictionary"),
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


def test_settings_are_plain_json(small: Path):
    grid = load_grid()
    settings = json.loads(JobArguments(grid).train_settings(grid.stages(grid.runs[0])[0]))
    assert settings["network"]["encoder"] == "resnet18"
    assert "\n" not in JobArguments(grid).train_settings(grid.stages(grid.runs[0])[0])


def test_planning_imports_nothing_heavy(small: Path):
    code = (
        "import sys; from fewmask.planning.grid import load_grid; load_grid(); "
        "print([m for m in ('torch', 'pandas', 'matplotlib', 'h5py') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_every_shipped_experiment_resolves(monkeypatch: pytest.MonkeyPatch):
    root = ROOT
    monkeypatch.chdir(root)
    files = [Path("config/config.yaml"), *Path("config/experiments").rglob("*.yaml")]
    for path in files:
        assert load_grid([path]).runs, path
        assert load_chain(path)


def test_no_shipped_dataset_chooses_who_is_labelled_by_hidden_masks(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(ROOT)
    for path in Path("config/datasets").glob("*.yaml"):
        assert load_dataset(path.stem, "test").split.stratify != "classes", path


PRETRAINING = """\
extends: chain
stages:
  pretrain:
    objective: {name: masked_image}
    batch: {labelled: 0, all: 4}
    evaluation: {metric: loss}
  first: {start_from: pretrain, transfer: [encoder]}
"""


@pytest.fixture
def pretrained(small: Path) -> Path:
    """The project with a method that pretrains without labels."""
    write("methods/pretrained", PRETRAINING)
    write("config", EXPERIMENT.replace("[chain]", "[pretrained]"))
    return small


def test_a_stage_comes_after_the_one_it_starts_from(pretrained: Path):
    assert folders("pretrained") == [
        "results/stages/rooms/pretrained/all/0/pretrain",
        "results/stages/rooms/pretrained/n40/0/first",
        "results/stages/rooms/pretrained/n40/0/second",
    ]


def test_a_circle_of_stages_is_refused(small: Path):
    write("methods/chain", METHOD.replace("first: {}", "first: {start_from: second}"))
    with pytest.raises(ConfigError, match="no stage second before first"):
        load_grid()


def test_what_sees_no_label_is_trained_once_for_all_fractions_and_methods(pretrained: Path):
    write("methods/longer", "extends: pretrained\nstages:\n  second: {steps: 99}\n")
    write("config", EXPERIMENT.replace("[chain]", "[pretrained, longer]"))
    grid = load_grid()
    trained = {(key, run.seed) for run in grid.runs for key in grid.stages(run)}
    stages = [key.stage for key, _ in trained]
    assert len(grid.runs) == 12  # 2 methods x 3 fractions x 2 seeds
    assert stages.count("pretrain") == 2  # one a seed
    assert stages.count("first") == 6  # one a fraction and seed, for both methods
    assert stages.count("second") == 12
    inputs = JobArguments(grid).train_inputs(grid.stages(grid.runs[0])[0], 0)
    assert inputs["split"] == "results/splits/rooms/all/0.csv"


def test_what_starts_from_a_labelled_stage_depends_on_the_fraction(small: Path):
    after = PRETRAINING.split("stages:\n")[1].split("  first")[0].replace("pretrain:", "after:")
    last = "  last: {start_from: after}\n"
    write("methods/chain", METHOD + after + "    start_from: second\n" + last)
    assert folders("chain")[-2] == "results/stages/rooms/chain/n40/0/after"


def test_an_upper_bound_is_trained_once_for_all_fractions(small: Path):
    write("methods/bound", "extends: chain\ndefaults: {labels: all}\n")
    write("config", EXPERIMENT.replace("[chain]", "[chain, bound]"))
    grid = load_grid()
    keys = {(key, run.seed) for run in grid.runs for key in grid.stages(run)}
    of_bound = [(key, seed) for key, seed in keys if key.method == "bound"]
    assert {key.fraction for key, _ in of_bound} == {"all"}
    # At the fraction "all" the method that it extends trains the very same.
    assert len(of_bound) == 4


def test_a_stage_is_shared_only_if_it_starts_from_the_same_weights(small: Path):
    write("methods/aa", METHOD.split("  second")[0] + "  second: {start_from: first}\n")
    write("methods/bb", "extends: aa\nstages:\n  first: {steps: 20}\n")
    write("methods/cc", "extends: bb\nstages:\n  first: {steps: 100}\n")
    write("config", EXPERIMENT.replace("[chain]", "[aa, bb, cc]"))
    grid = load_grid()
    for method in ("aa", "bb", "cc"):
        first, second = grid.stages(Run("rooms", method, "n40", 0))
        start = JobArguments(grid).train_inputs(second, 0)["start_from"]
        assert start == f"{grid.layout.stage_folder(first, 0)}/weights.safetensors"
        assert grid.stage(first).steps == (20 if method == "bb" else 100)


def test_an_encoder_that_is_not_taken_over_has_its_own_weights(small: Path):
    parts = "second: {start_from: first, transfer: [decoder], steps: 50}"
    changed = METHOD.replace("second: {start_from: first, steps: 50}", parts)
    write("methods/chain", changed.replace("weights: none", "weights: imagenet"))
    grid = load_grid()
    inputs = JobArguments(grid).train_inputs(grid.stages(grid.runs[0])[1], 0)
    assert inputs["encoder"] == "results/encoders/resnet18.safetensors"
    assert inputs["start_from"].endswith("first/weights.safetensors")


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
        {"network": {"decoder_channels": [-1, 8, 8]}},
        {"optimiser": {"betas": [2, 3]}},
        {"optimiser": {"learning_rate": float("inf")}},
        {"optimiser": {"weight_decay": float("nan")}},
        {"checkpoint_minutes": float("inf")},
        {"clip_gradient_norm": float("inf")},
        {"augmentation": {"scale": [1, float("inf")]}},
        {"augmentation": {"blur_sigma": [0.1, 1e9]}},
        {"steps": 10**12},
        {"batch": {"labelled": 10**9}},
        {"network": {"decoder_channels": [10**9, 8, 8]}},
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
        ({"network": {"architecture": "deeplabv3", "encoder": "vgg11"}}, "cannot be dilated"),
        ({"network": {"architecture": "unetplusplus", "encoder": "mit_b0"}}, "too few"),
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


def test_images_must_fit_the_network(small: Path):
    write("datasets/rooms", "reader: {name: scenes, images: 50}\nclasses: [a, b]\nsize: 72\n")
    with pytest.raises(ConfigError) as caught:
        load_grid()
    assert str(caught.value) == (
        "config/config.yaml: stage first of chain on rooms: images of 72 x 72 do not fit the "
        "network: unet with resnet18 needs multiples of 32\n"
        "  mend: set the dataset's size (or the crop) to [64, 64]"
    )
    network = {"network": {"decoder_channels": [16, 8, 4]}}
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
