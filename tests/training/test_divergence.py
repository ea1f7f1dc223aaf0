"""A trial of a search that diverges ends with a record, any other training with an error."""

from dataclasses import replace
from pathlib import Path

import pytest

from fewmask.core.errors import FewmaskError
from fewmask.core.paths import TRAINING
from fewmask.metrics.records import read_training
from fewmask.networks.weights import load_weights
from fewmask.training.divergence import DivergedError
from fewmask.training.execution import Execution
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage

TRIAL = Execution(is_trial=True)
# So large a rate makes weights infinite in a few steps.
DIVERGING = small_stage(
    optimiser={"name": "sgd", "learning_rate": 1e30}, schedule={"name": "constant"}
)


@pytest.fixture(scope="module")
def inputs(rooms: Path, rooms_split: Path) -> Inputs:
    return Inputs(rooms, rooms_split)


@pytest.fixture(scope="module")
def diverged(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diverged")
    assert train(inputs, DIVERGING, 0, folder, TRIAL)
    return folder


def test_without_a_search_it_is_an_error(inputs: Inputs, tmp_path: Path):
    with pytest.raises(DivergedError, match="not finite at step"):
        train(inputs, DIVERGING, 0, tmp_path)
    assert not (tmp_path / TRAINING).exists()


def test_a_trial_says_why_it_ended_and_has_weights_that_can_be_read(diverged: Path):
    record = read_training(diverged / TRAINING)
    assert record.diverged.startswith("the loss is not finite at step ")
    assert record.steps <= 5
    assert all(
        one.isfinite().all() for one in load_weights(diverged / "weights.safetensors").values()
    )
    assert (diverged / "tries.csv").read_text().splitlines()[-1].split(",")[3] == "diverged"


def test_what_goes_on_from_it_is_not_trained(inputs: Inputs, diverged: Path, tmp_path: Path):
    """A later stage, and the same trial on the next rung."""
    later, slot = tmp_path / "later", tmp_path / "slot"
    after = replace(inputs, start_from=diverged / "weights.safetensors")
    assert train(after, small_stage(start_from="earlier"), 0, later, TRIAL)
    goes_on = replace(TRIAL, goes_on_from=diverged / "checkpoint.pt")
    assert train(inputs, DIVERGING, 0, slot, goes_on)
    reason = read_training(diverged / TRAINING).diverged
    for folder in (later, slot):
        record = read_training(folder / TRAINING)
        assert (record.diverged, record.steps) == (reason, 0)


def test_other_failures_of_a_trial_stay_errors(inputs: Inputs, tmp_path: Path):
    (tmp_path / "split.csv").write_text("name\n")
    with pytest.raises(FewmaskError, match="the columns must be"):
        train(replace(inputs, split=tmp_path / "split.csv"), small_stage(), 0, tmp_path, TRIAL)
