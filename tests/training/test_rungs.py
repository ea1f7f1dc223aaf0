"""A training that ends after a share of its steps, and one that goes on from its checkpoint."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from fewmask.core.files import file_digest
from fewmask.metrics.records import read_training
from fewmask.training.execution import Execution
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage


@pytest.fixture(scope="module")
def inputs(rooms: Path, rooms_split: Path) -> Inputs:
    return Inputs(rooms, rooms_split)


@pytest.fixture(scope="module")
def whole(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of 20 steps."""
    folder = tmp_path_factory.mktemp("whole")
    assert train(inputs, small_stage(), 0, folder)
    return folder


@pytest.fixture(scope="module")
def first_half(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 10 steps of it."""
    folder = tmp_path_factory.mktemp("first_half")
    assert train(inputs, small_stage(until=0.5), 0, folder)
    return folder


def same_weights(one: Path, other: Path) -> bool:
    tensors = [load_file(folder / "weights.safetensors") for folder in (one, other)]
    return tensors[0].keys() == tensors[1].keys() and all(
        tensor.equal(tensors[1][name]) for name, tensor in tensors[0].items()
    )


def history(folder: Path) -> list[str]:
    """All columns but the seconds."""
    rows = [line.split(",") for line in (folder / "history.csv").read_text().splitlines()]
    seconds = rows[0].index("seconds")
    return [",".join(row[:seconds] + row[seconds + 1 :]) for row in rows]


def test_the_first_half_has_the_learning_rates_of_the_whole(whole: Path, first_half: Path):
    assert history(first_half) == history(whole)[:3]
    assert read_training(first_half / "training.json").steps == 10


@pytest.mark.parametrize("has_checkpoint", [True, False])
def test_going_on_ends_with_the_weights_of_the_whole(
    has_checkpoint: bool, inputs: Inputs, whole: Path, first_half: Path, tmp_path: Path
):
    """Also where the checkpoint is gone, or is one of other settings."""
    checkpoint = first_half / ("checkpoint.pt" if has_checkpoint else "gone.pt")
    before = file_digest(first_half / "checkpoint.pt")
    assert train(inputs, small_stage(), 0, tmp_path, Execution(goes_on_from=checkpoint))
    assert same_weights(tmp_path, whole)
    assert history(tmp_path) == history(whole)
    started = (tmp_path / "tries.csv").read_text().splitlines()[1]
    assert started.endswith("started,10" if has_checkpoint else "started,0")
    assert file_digest(first_half / "checkpoint.pt") == before


def test_a_checkpoint_of_other_settings_is_not_gone_on_from(
    inputs: Inputs, first_half: Path, tmp_path: Path
):
    other = small_stage(optimiser={"name": "adamw", "learning_rate": 0.001})
    execution = Execution(goes_on_from=first_half / "checkpoint.pt")
    assert train(inputs, other, 0, tmp_path, execution)
    assert (tmp_path / "tries.csv").read_text().splitlines()[1].endswith("started,0")
    assert (first_half / "checkpoint.pt").exists()
