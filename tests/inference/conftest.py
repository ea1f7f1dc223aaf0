"""What the tests of inference share."""

from pathlib import Path

import pytest

from fewmask.core.paths import TRAINING, WEIGHTS
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.inference.evaluating import RUN, evaluate


@pytest.fixture(scope="session")
def trained(rooms: Path, rooms_split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained stage."""
    folder = tmp_path_factory.mktemp("stage")
    assert train(Inputs(rooms, rooms_split), small_stage(precision="fp32"), 0, folder)
    return folder


@pytest.fixture(scope="session")
def result(trained: Path, rooms: Path, rooms_split: Path, tmp_path_factory) -> Path:
    """The metrics file of the run, its companions beside it."""
    output = tmp_path_factory.mktemp("metrics") / "0.json"
    evaluate(RUN, rooms, rooms_split, trained / WEIGHTS, [trained / TRAINING], output)
    return output


@pytest.fixture(scope="session")
def bands_weights(rooms_in_bands: Path, rooms_split: Path, tmp_path_factory) -> Path:
    """The weights of a network for six bands of 16 bits."""
    folder = tmp_path_factory.mktemp("stage")
    assert train(Inputs(rooms_in_bands, rooms_split), small_stage(steps=4), 0, folder)
    return folder / WEIGHTS
