"""Which stages are trained once for several runs, and which are not."""

from pathlib import Path

import pytest

from fewmask.core.cells import Run
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from tests.planning.chain import EXPERIMENT, METHOD, folders, write


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
