"""What the tests of training share."""

from pathlib import Path

import pytest

from fewmask.training.inputs import Inputs


@pytest.fixture(scope="session")
def inputs(rooms: Path, rooms_split: Path) -> Inputs:
    return Inputs(rooms, rooms_split)
