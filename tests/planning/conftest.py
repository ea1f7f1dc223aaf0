"""The small grid as a project."""

from pathlib import Path

import pytest

from tests.planning.chain import EXPERIMENT, METHOD, write


@pytest.fixture
def small(project: Path) -> Path:
    """A project with one dataset, one method of two stages and one experiment."""
    write("datasets/rooms", "reader: {name: scenes, images: 50}\nclasses: [a, b]\n")
    write("methods/chain", METHOD)
    write("config", EXPERIMENT)
    return project
