"""The masks at their own size are those that were prepared, or it is said that they are not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.original_masks import OriginalMasks
from fewmask.data.preparation.prepare import prepare
from fewmask.data.store.store import Store
from tests.data.making import make_folder, noise, reading, save, save_palette


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a dataset that was prepared."""
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path))
    make_folder(tmp_path / "mine")
    prepare(reading(), tmp_path / "mine.h5")
    return tmp_path / "mine"


def read(root: Path, row: int) -> np.ndarray:
    with Store(root.with_suffix(".h5")) as store:
        return OriginalMasks(store).read(row)


def test_they_are_as_they_were(root: Path):
    for row in range(4):
        assert np.array_equal(read(root, row), noise(20, 30, below=3, seed=100 + row))


def test_a_mask_may_be_saved_in_another_way(root: Path):
    """Its pixels count, not the bytes of its file."""
    mask = noise(20, 30, below=3, seed=101)
    save_palette(root / "masks/1.png", mask)
    assert np.array_equal(read(root, 1), mask)


def correct(root: Path) -> None:
    mask = noise(20, 30, below=3, seed=101)
    mask[3, 4] = (mask[3, 4] + 1) % 3
    save(root / "masks/1.png", mask)


def turn(root: Path) -> None:
    """The same pixels in another shape."""
    save(root / "masks/1.png", noise(20, 30, below=3, seed=101).reshape(30, 20))
    save(root / "images/1.png", noise(30, 20, 3))


def remove_both(root: Path) -> None:
    for folder in ("images", "masks"):
        (root / folder / "1.png").unlink()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (correct, "masks/1.png, 1: found another mask than the one that was prepared"),
        (turn, "masks/1.png, 1: found another mask than the one that was prepared"),
        (lambda root: (root / "masks/1.png").unlink(), "images/1.png, 1: found no mask of this"),
        (remove_both, "mine, 1: found no image of this name any more"),
    ],
)
def test_a_change_since_is_told(root: Path, change: Callable[[Path], None], said: str):
    change(root)
    with pytest.raises(FewmaskError) as error:
        read(root, 1)
    assert said in str(error.value)
    assert f"mend: put them back; or delete {root}.h5 and run again" in str(error.value)
    assert read(root, 2).any()
