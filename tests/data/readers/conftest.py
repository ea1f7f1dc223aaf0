"""What tests of readers share."""

from pathlib import Path

import pytest

from tests.data.readers.shape_files import make_images


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a dataset with two images."""
    make_images(tmp_path / "mine/images", "leaf_01.png", "leaf_02.png", "leaf_10.png")
    return tmp_path / "mine"
