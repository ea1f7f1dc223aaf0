"""Stages with a dataset of their own, and stages that start from another method's."""

from pathlib import Path

import pytest

from fewmask.core.cells import Run
from fewmask.core.errors import ConfigError
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from tests.planning.chain import write

ELSEWHERE = """\
extends: chain
stages:
  pretrain:
    dataset: images
    objective: {name: masked_image}
    batch: {labelled: 0, all: 4}
    evaluation: {metric: none}
  first: {start_from: pretrain, transfer: [encoder]}
"""

EXPERIMENT = """\
title: Two datasets
datasets: [rooms, halls]
methods: [chain, elsewhere]
fractions: [0.05, n40]
seeds: [0]
"""


@pytest.fixture
def two(small: Path) -> Path:
    """A project with two datasets, and a method that pretrains on a third."""
    for name in ("halls", "images"):
        write(f"datasets/{name}", "reader: {name: scenes, images: 50}\nclasses: [a, b]\n")
    write("methods/elsewhere", ELSEWHERE)
    write("config", EXPERIMENT)
    return small


def folders(method: str, dataset: str = "rooms") -> list[str]:
    grid = load_grid()
    keys = grid.stages(Run(dataset, method, "n40", 0))
    return [grid.layout.stage_folder(key, 0).removeprefix("results/stages/") for key in keys]


def test_a_stage_with_its_own_dataset_is_trained_once_for_all_datasets(two: Path):
    assert folders("elsewhere", "rooms")[0] == "images/elsewhere/all/0/pretrain"
    assert folders("elsewhere", "halls")[0] == "images/elsewhere/all/0/pretrain"
    assert folders("elsewhere", "halls")[1] == "halls/elsewhere/n40/0/first"
    grid = load_grid()
    keys = {key for run in grid.runs for key in grid.stages(run)}
    assert len(keys) == 1 + 2 * 2 * (2 + 2)  # once, and two datasets, fractions, methods
    assert list(grid.datasets) == ["rooms", "halls", "images"]
    inputs = JobArguments(grid).train_inputs(grid.stages(Run("halls", "elsewhere", "n40", 0))[0], 0)
    assert inputs == {
        "dataset": "results/datasets/images.h5",
        "split": "results/splits/images/all/0.csv",
    }


def test_its_overrides_are_those_of_its_own_dataset(two: Path):
    overrides = """\
overrides:
  - when: {dataset: images}
    settings: {steps: 7}
  - when: {dataset: rooms}
    settings: {steps: 9}
"""
    write("config", EXPERIMENT + overrides)
    grid = load_grid()
    keys = grid.stages(Run("rooms", "elsewhere", "n40", 0))
    assert [grid.stage(key).steps for key in keys] == [7, 9, 9]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("objective: {name: masked_image}", "objective: {name: supervised}", "labels: all"),
        ("dataset: images", "dataset: imags", "did you mean images"),
    ],
)
def test_a_dataset_of_its_own_that_makes_no_sense_is_refused(
    two: Path, old: str, new: str, expected: str
):
    changed = ELSEWHERE.replace(old, new)
    if "supervised" in new:
        changed = changed.replace("labelled: 0, all: 4", "labelled: 4")
    write("methods/elsewhere", changed)
    with pytest.raises(ConfigError, match=expected) as caught:
        load_grid()
    assert "config/methods/elsewhere.yaml: stages.pretrain" in str(caught.value)


def test_a_run_is_judged_on_its_own_dataset(two: Path):
    bound = "extends: chain\nstages:\n  second: {dataset: images, labels: all}\n"
    write("methods/elsewhere", bound.replace("second: {", "second: {start_from: null, "))
    with pytest.raises(ConfigError, match="judged by its last stage, which must be trained on"):
        load_grid()


def test_a_dataset_of_its_own_after_the_runs_own_is_refused(two: Path):
    own = ELSEWHERE.replace("dataset: images\n", "labels: all\n    start_from: before\n")
    own = own.replace("labels: all\n", "dataset: images\n", 1)
    before = "  before:\n    objective: {name: masked_image}\n    batch: {labelled: 0, all: 4}\n"
    before += "    evaluation: {metric: none}\n"
    write("methods/elsewhere", own.replace("stages:\n", "stages:\n" + before))
    with pytest.raises(ConfigError, match="mend: name a dataset in before too"):
        load_grid()


BORROWED = """\
extends: chain
stages:
  first: {start_from: elsewhere/pretrain, transfer: [encoder]}
"""


def test_a_stage_may_start_from_another_methods(two: Path):
    write("methods/borrowed", BORROWED + "  second: {steps: 60}\n")
    write("config", EXPERIMENT.replace("[chain, elsewhere]", "[borrowed]"))
    assert folders("borrowed") == [
        "images/elsewhere/all/0/pretrain",
        "rooms/borrowed/n40/0/first",
        "rooms/borrowed/n40/0/second",
    ]
    grid = load_grid()
    run = Run("rooms", "borrowed", "n40", 0)
    assert JobArguments(grid).train_inputs(grid.stages(run)[1], 0)["start_from"] == (
        "results/stages/images/elsewhere/all/0/pretrain/weights.safetensors"
    )
    # The cost of a run is that of all stages that it depends on.
    assert len(JobArguments(grid).evaluate_inputs(run)["training"]) == 3


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("elsewhere/pretrian", r"no stage pretrian of elsewhere \(did you mean pretrain\?\)"),
        ("elswhere/pretrain", "did you mean elsewhere"),
        ("borrowed/second", "borrowed itself depends on"),
        ("Else where/x", "start_from"),
    ],
)
def test_references_to_nothing_are_told(two: Path, reference: str, expected: str):
    write("methods/borrowed", BORROWED.replace("elsewhere/pretrain", reference))
    write("config", EXPERIMENT.replace("[chain, elsewhere]", "[borrowed]"))
    with pytest.raises(ConfigError, match=expected):
        load_grid()


SELF_TRAINING = """\
extends: elsewhere
stages:
  third:
    objective: {name: self_training}
    batch: {labelled: 2, unlabelled: 2}
    pseudo_masks: STAGE
"""


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("pretrain", "pretrain learns masked_image, which predicts no classes"),
        ("chain/thrid", "there is no stage thrid of chain"),
        ("other/first", "first predicts on images, and the stage is trained on rooms"),
    ],
)
def test_pseudo_masks_that_cannot_be_learnt_are_refused(two: Path, stage: str, expected: str):
    write("methods/other", "extends: chain\nstages:\n  first: {dataset: images, labels: all}\n")
    write("methods/pupil", SELF_TRAINING.replace("STAGE", stage))
    write("config", EXPERIMENT.replace("[chain, elsewhere]", "[pupil]"))
    with pytest.raises(ConfigError, match=expected) as caught:
        load_grid()
    assert "config/methods/pupil.yaml: stages.third.pseudo_masks" in str(caught.value)


def test_pseudo_masks_come_from_any_stage_that_segments(two: Path):
    write("methods/pupil", SELF_TRAINING.replace("STAGE", "second"))
    write("config", EXPERIMENT.replace("[chain, elsewhere]", "[pupil]"))
    grid = load_grid()
    run = Run("rooms", "pupil", "n40", 0)
    third = grid.stages(run)[-1]
    assert JobArguments(grid).train_inputs(third, 0)["pseudo_masks"] == (
        "results/stages/rooms/elsewhere/n40/0/second/pseudo_masks.h5"
    )


def test_a_run_is_judged_by_a_stage_that_segments(two: Path):
    write("methods/elsewhere", ELSEWHERE.split("extends: chain\n")[1].split("  first")[0]
          .replace("stages:", "network: {encoder: resnet18, weights: none}\nstages:")
          .replace("    dataset: images\n", "    optimiser: {name: adamw, learning_rate: 0.1}\n"
                   "    steps: 5\n"))  # fmt: skip
    with pytest.raises(ConfigError, match="learns masked_image and predicts nothing"):
        load_grid()


def test_images_that_are_tested_on_are_not_learnt_by_way_of_another_dataset(two: Path):
    folder = "reader: {name: folder, images: 'a/*', masks: 'b/*'}\nroot: same\nclasses: [a, b]\n"
    write("datasets/rooms", folder)
    write("datasets/images", folder + "size: 64\n")
    load_grid()  # the same split: what is held out is the same
    write("datasets/images", folder + "split: {test: 0.5}\n")
    with pytest.raises(ConfigError, match="images has the images of rooms and another split"):
        load_grid()


@pytest.mark.parametrize(
    ("when", "settings", "refused"),
    [
        ("{stage: pretrain, fraction: n40}", "{steps: 7}", True),
        ("{stage: pretrain, dataset: rooms}", "{steps: 7}", True),
        ("{stage: pretrain}", "{steps: 7}", False),
        ("{fraction: n40}", "{steps: 7}", False),  # for the stages that depend on it
        ("{stage: pretrain, dataset: rooms}", "{dataset: halls}", False),
    ],
)
def test_an_override_that_a_shared_stage_cannot_follow_is_refused(
    two: Path, when: str, settings: str, refused: bool
):
    write("config", EXPERIMENT.replace("rooms, halls", "rooms")
          + f"overrides:\n  - {{when: {when}, settings: {settings}}}\n")  # fmt: skip
    if refused:
        with pytest.raises(ConfigError, match="pretrain of elsewhere is trained once on images"):
            load_grid()
    else:
        load_grid()


def test_a_stage_may_be_dropped(two: Path):
    write(
        "methods/shorter", "extends: chain\nstages:\n  first: null\n  second: {start_from: null}\n"
    )
    write("config", EXPERIMENT.replace("[chain, elsewhere]", "[chain, shorter]"))
    assert folders("shorter") == ["rooms/shorter/n40/0/second"]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("transfer: [encoder, decoder]", "has no decoder\n  mend: transfer: \\[encoder\\]"),
        ("transfer: [encoder], network: {encoder: resnet34}", "give both stages the same encoder"),
    ],
)
def test_what_cannot_be_taken_over_is_told_before_any_job(two: Path, first: str, expected: str):
    method = ELSEWHERE.replace("{name: masked_image}", "{name: simclr}")
    method = method.replace("transfer: [encoder]", first)
    write("methods/elsewhere", method)
    with pytest.raises(ConfigError, match=expected):
        load_grid()
