"""Metrics and published values that an experiment names are checked before any job starts."""

import json
from pathlib import Path

import pytest

from fewmask.core.errors import ConfigError
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.planning.requested import fingerprint, requested_by

METHOD = """\
network: {encoder: resnet18, weights: none}
stages:
  train:
    objective: {name: supervised}
    optimiser: {name: adamw, learning_rate: 0.001}
    batch: {labelled: 4}
    steps: 100
"""

EXPERIMENT = """\
title: A small grid
datasets: [rooms, pets]
methods: [plain, longer]
fractions: [n40, all]
seeds: [0]
metrics: [miou, "iou_Ginger cat", dice_loss_wall]
published:
  source: A paper
  values:
    - when: {method: longer, fraction: n40}
      values: {miou: [0.8, 0.01], "iou_Ginger cat": 0.7, focal_loss: 1.5}
    - when: {dataset: rooms}
      values: {f1: 1}
"""


@pytest.fixture
def small(project: Path) -> Path:
    """A project with two datasets, two methods and one experiment."""
    write("datasets/rooms", "reader: {name: scenes, images: 50}\nclasses: [wall, floor]\n")
    write("datasets/pets", "reader: {name: scenes, images: 50}\nclasses: [wall, Ginger cat]\n")
    write("methods/plain", METHOD)
    write("methods/longer", "extends: plain\nstages: {train: {steps: 200}}\n")
    write("experiments/full", EXPERIMENT)
    return project


def write(name: str, text: str) -> None:
    Path(f"config/{name}.yaml").write_text(text)


def load(name: str = "full", **config: object):
    return load_grid([Path(f"config/experiments/{name}.yaml")], config)


class TestReference:
    """The method that all others are compared with."""

    def test_it_is_handed_on(self, small: Path):
        assert requested_by(load(reference="longer")).compared_with == "longer"
        assert requested_by(load()).compared_with == "plain"

    def test_it_must_be_a_method_of_the_experiment(self, small: Path):
        with pytest.raises(ConfigError) as error:
            load(reference="plane")
        assert str(error.value).splitlines() == [
            "--config: reference: plane is none of the experiment's methods (did you mean plain?)",
            "  expected: one of plain, longer",
        ]

    def test_it_must_not_see_all_masks(self, small: Path):
        write("methods/longer", "extends: plain\nstages: {train: {labels: all}}\n")
        with pytest.raises(ConfigError, match="reference: longer sees all masks"):
            load(reference="longer")


def test_tables_are_handed_metrics_published_figures_and_trainings(small: Path):
    grid = load()
    requested = requested_by(grid)
    assert requested.metrics == ["miou", "iou_Ginger cat", "dice_loss_wall"]
    assert requested.published == grid.experiment.published
    cell = {"dataset": "rooms", "method": "longer", "fraction": "n40"}
    assert requested.published.of(**cell) == {
        "miou": (0.8, 0.01), "iou_Ginger cat": (0.7, None), "focal_loss": (1.5, None),
        "f1": (1, None),
    }  # fmt: skip
    assert requested.published.of(**cell | {"dataset": "pets", "fraction": "all"}) == {}
    for run, cell in zip(grid.runs, requested.cells(), strict=True):
        assert (run.dataset, run.method, run.fraction) == cell
        settings = [json.loads(JobArguments(grid).train_settings(key)) for key in grid.stages(run)]
        assert requested.trainings[requested.cells().index(cell)] == fingerprint(settings)
    assert len(set(requested.trainings)) == 2


@pytest.mark.parametrize(
    ("found", "instead", "expected"),
    [
        (
            "[miou,",
            "[mious,",
            ["full.yaml:6: metrics.0: there is no metric mious", "did you mean miou?"],
        ),
        ("dice_loss_wall]", "dice_loss_wal]", ["metrics.2", "did you mean dice_loss_wall?"]),
        ("dice_loss_wall]", "accuracy_wall]", ["known: miou,", "iou_, precision_", "Ginger cat"]),
        ("dice_loss_wall]", "iou_ginger cat]", ["did you mean iou_Ginger cat?", "written"]),
        ("dice_loss_wall]", "miou]", ["metrics: named twice: miou"]),
        ("f1: 1", "f2: 1", ["full.yaml:13: published.values.1.values.f2", "no metric f2"]),
        ("[0.8, 0.01]", "[86.5, 1.1]", ["miou is a share", "found: 86.5", "expected: 0.865"]),
        ("f1: 1", "f1: [0.8, 1.2]", ["f1 is a share", "expected: 0.012"]),
        ("f1: 1", "f1: -1", ["published.values.1.values.f1", "must not be negative"]),
        ("f1: 1", "f1: high", ["published.values.1.values.f1", "expected a mean (0.865)"]),
        ("f1: 1", "f1: [1, 2, 3]", ["expected a mean (0.865)"]),
        ("dataset: rooms", "dataset: pet", ["full.yaml:12", "selects no cell", "dataset: pet"]),
        ("fraction: n40", "fraction: n41", ["selects no cell", "method: longer, fraction: n41"]),
        ("source: A paper", "sauce: A paper", ["published.sauce", "did you mean source?"]),
    ],
)
def test_what_cannot_be_is_refused(small: Path, found: str, instead: str, expected: list[str]):
    assert found in EXPERIMENT
    write("experiments/full", EXPERIMENT.replace(found, instead))
    with pytest.raises(ConfigError) as caught:
        load()
    for part in expected:
        assert part in str(caught.value)


def test_a_smaller_grid_keeps_what_fitted_the_one_it_extends(small: Path):
    write("experiments/twin", "extends: full\ndatasets: [rooms]\nfractions: [n10]\n")
    requested = requested_by(load("twin"))
    assert requested.published.of(dataset="rooms", method="plain", fraction="n10") == {
        "f1": (1, None)
    }
    assert load(methods=["plain"], datasets=["rooms"]).runs


@pytest.mark.parametrize("nothing", ["null", "{values: []}"])
def test_a_smaller_grid_may_leave_what_was_published(small: Path, nothing: str):
    write("experiments/twin", f"extends: full\nfractions: [n10]\npublished: {nothing}\n")
    published = load("twin").experiment.published
    assert published is None or (published.source, published.values) == ("A paper", [])


def test_a_file_that_is_only_extended_may_name_no_grid(small: Path):
    axes = "title: A small grid\ndatasets: [rooms, pets]\nmethods: [plain, longer]\n"
    rest = "fractions: [n40, all]\nseeds: [0]\n"
    write("experiments/full", EXPERIMENT.replace(axes + rest, "title: Its base\n"))
    write("experiments/twin", "extends: full\n" + axes + rest)
    assert load("twin").runs
