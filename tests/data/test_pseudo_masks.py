"""The file of pseudo-masks: what is read is what was written, and what is not right is reported."""

import time
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewmask import IGNORE
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.rows import Row
from fewmask.data.pseudo_masks import Origin, PseudoMasks, holds_pseudo_masks, write_pseudo_masks
from fewmask.data.store.store import Store
from fewmask.data.store.writer import StoreWriter
from tests.data.making import noise, reading

SIZE = (16, 24)
ROWS = np.array([1, 2, 4, 7])
LABELS, CONFIDENCE = noise(4, *SIZE, below=3, seed=1), noise(4, *SIZE, seed=2)


def origin(**changes) -> Origin:
    found = {
        "dataset": "mine",
        "dataset_file": "../mine.h5",
        "dataset_digest": "d" * 64,
        "weights_file": "weights.safetensors",
        "weights_digest": "e" * 64,
        "classes": ("ground", "pet", "border"),
    }
    return Origin(**found | changes)


def write(path: Path, reliability: Sequence[float] = (np.nan,) * 4, **changes) -> Path:
    """Four pseudo-masks, three and then one at a time."""
    parts = [
        (LABELS[:3], CONFIDENCE[:3], reliability[:3]),
        (LABELS[3:], CONFIDENCE[3:], reliability[3:]),
    ]
    write_pseudo_masks(path, ROWS, SIZE, parts, origin(**changes))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "pseudo_masks.h5")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The images that the pseudo-masks are of."""
    with StoreWriter(tmp_path / "mine.h5", reading()) as writer:
        for i in range(8):
            mask = noise(*SIZE, below=3, seed=i)
            writer.append(Row(f"p{i}", "", SIZE, SIZE, noise(*SIZE, 3, seed=i), {"mask": mask}))
    return tmp_path / "mine.h5"


def test_rows_are_read_in_any_order_and_with_repeats(path: Path):
    with PseudoMasks(path) as found:
        assert found.rows.tolist() == ROWS.tolist()
        assert found.rows.dtype == np.int64
        labels = found.labels(np.array([7, 1, 7, 2]))
        assert labels.dtype == np.uint8
        assert np.array_equal(labels, LABELS[[3, 0, 3, 1]])
        assert np.array_equal(found.confidence(np.array([4, 1])), CONFIDENCE[[2, 0]])
        assert found.labels(np.array([], np.int64)).shape == (0, *SIZE)
        assert found.origin == origin()
        assert len(found) == 4


@pytest.mark.parametrize("row", [0, 3, 8, -1])
def test_a_row_without_one_is_told(path: Path, row: int):
    with PseudoMasks(path) as found, pytest.raises(FewmaskError) as caught:
        found.labels(np.array([1, row]))
    assert f"{path}: no pseudo-mask of row {row} of mine" in str(caught.value)
    assert "those of 4 rows from 1 to 7" in str(caught.value)


def test_the_same_is_the_same_bytes_later(path: Path, tmp_path: Path):
    time.sleep(1.1)  # HDF5 would write times in seconds
    assert write(tmp_path / "again.h5").read_bytes() == path.read_bytes()


def test_the_bytes_do_not_depend_on_what_was_compressed_before(path: Path):
    """As those of lzf do, wherever the memory of an earlier row is used again."""
    with h5py.File(path) as file:
        assert {file[name].compression for name in ("labels", "confidence")} == {"gzip"}


def test_those_of_the_store_are_taken_and_others_refused(store: Path, tmp_path: Path):
    with Store(store) as opened:
        with PseudoMasks(write(tmp_path / "a.h5", dataset_digest=opened.digest)) as found:
            found.check(opened)
        with (
            PseudoMasks(write(tmp_path / "b.h5", dataset="other")) as found,
            pytest.raises(FewmaskError, match="of other images than") as caught,
        ):
            found.check(opened)
        assert "found: other, 16 x 24, content dddddddddddd" in str(caught.value)
        other_size = [(LABELS[:, :8], CONFIDENCE[:, :8], [np.nan] * 4)]
        made_from = origin(dataset_digest=opened.digest)
        write_pseudo_masks(tmp_path / "c.h5", ROWS, (8, 24), other_size, made_from)
        with (
            PseudoMasks(tmp_path / "c.h5") as found,
            pytest.raises(FewmaskError, match=r"found: mine, 8 x 24(.|\n)*expected: mine, 16 x 24"),
        ):
            found.check(opened)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def overwrite(path: Path) -> None:
    path.write_text("not HDF5")


def drop(name: str):
    def change(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            del (file if name in file else file.attrs)[name]

    return change


def of_tomorrow(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["pseudo_masks_format"] = 9


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (truncate, "not a whole HDF5 file"),
        (overwrite, "not a whole HDF5 file"),
        (drop("confidence"), "not whole"),
        (drop("weights_digest"), "not whole"),
        (drop("pseudo_masks_format"), "not pseudo-masks that Fewmask wrote"),
        (of_tomorrow, "format 9; this version reads format 2"),
        (Path.unlink, "no such file"),
    ],
)
def test_what_is_damaged_or_foreign_is_one_message(path: Path, damage, expected: str):
    damage(path)
    with pytest.raises(FewmaskError, match=expected) as caught:
        PseudoMasks(path)
    assert str(path) in str(caught.value)
    assert "mend: " in str(caught.value)


def test_a_changed_byte_of_a_row_is_noticed(path: Path):
    with h5py.File(path) as file:
        place = file["labels"].id.get_chunk_info(2).byte_offset + 20
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)
    with PseudoMasks(path) as found:
        assert np.array_equal(found.labels(ROWS[:2]), LABELS[:2])
        with pytest.raises(FewmaskError, match=r"damaged(.|\n)*mend"):
            found.labels(ROWS[2:3])


def test_a_dataset_is_no_file_of_pseudo_masks(path: Path, store: Path):
    assert holds_pseudo_masks(path)
    assert not holds_pseudo_masks(store)
    with pytest.raises(FewmaskError, match="not pseudo-masks that Fewmask wrote"):
        PseudoMasks(store)
    with pytest.raises(FewmaskError, match="not a dataset prepared by Fewmask"):
        Store(path)


def test_nothing_half_written_stays(tmp_path: Path):
    def parts():
        yield LABELS[:2], CONFIDENCE[:2], [np.nan] * 2
        raise FewmaskError("no more")

    with pytest.raises(FewmaskError, match="no more"):
        write_pseudo_masks(tmp_path / "a.h5", ROWS, SIZE, parts(), origin())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_message():
    with pytest.raises(FewmaskError, match="cannot be written"):
        write(Path("/dev/full/pseudo_masks.h5"))


def test_the_most_reliable_are_chosen_in_the_order_of_the_rows(tmp_path: Path):
    with PseudoMasks(write(tmp_path / "a.h5", [0.5, 0.9, 0.5, 0.7])) as found:
        first, second, third, fourth = ROWS
        for share, expected in [
            (0.25, [second]),
            (0.5, [second, fourth]),
            (0.75, [first, second, fourth]),  # of equal ones the first
            (0.01, [second]),
        ]:
            assert found.most_reliable(ROWS, share).tolist() == expected
        assert found.most_reliable(ROWS[[2, 0]], 0.5).tolist() == [third]


def test_how_reliable_they_are_may_be_unknown(path: Path):
    with PseudoMasks(path) as found, pytest.raises(FewmaskError, match="it is unknown which"):
        found.most_reliable(ROWS, 0.5)


def learnt(path: Path, labels: np.ndarray, confidence: np.ndarray, rows: list[int], share: float):
    """What is left of the pseudo-masks in all of `ROWS`, if the quota is that of some."""
    parts = [(labels, confidence, [np.nan] * 4)]
    write_pseudo_masks(path, ROWS, labels.shape[1:], parts, origin())
    with PseudoMasks(path) as found:
        chosen = found.most_confident(ROWS[rows], share)
        assert np.array_equal(found.labels(ROWS), labels), "those that were opened stay as they are"
        assert np.array_equal(chosen.confidence(ROWS), confidence)
        return chosen.labels(ROWS)


def test_every_class_keeps_the_share_of_its_pixels_that_is_most_confident(tmp_path: Path):
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, IGNORE], np.uint8)
    confidence = np.array([9, 200, 90, 90, 250, 80, 30, 40, 7, 0], np.uint8)
    for share, kept in [
        (0.5, [1, 2, 3, 4, 7, 8]),  # half of class 0 are three: a fourth is as confident
        (0.1, [4, 7, 8]),  # at least one of every class
        (0.7, [1, 2, 3, 4, 5, 6, 7, 8]),
        (1.0, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ]:
        four = [np.tile(one, (4, 2, 1)) for one in (labels, confidence)]
        left = learnt(tmp_path / "a.h5", *four, rows=[0, 1, 2, 3], share=share)
        expected = np.where(np.isin(np.arange(10), kept), labels, IGNORE)
        assert (left == expected).all(), share


@given(
    seed=st.integers(0, 1000),
    share=st.floats(0.01, 1),
    levels=st.sampled_from([2, 20, 256]),
    rows=st.lists(st.integers(0, 3), min_size=1, unique=True),
)
def test_the_quota_is_that_of_the_rows(
    tmp_path_factory: pytest.TempPathFactory, seed: int, share: float, levels: int, rows: list[int]
):
    labels = noise(4, 6, 8, below=3, seed=seed)
    confidence = noise(4, 6, 8, below=levels, seed=seed + 1)
    path = tmp_path_factory.getbasetemp() / "drawn.h5"
    left = learnt(path, labels, confidence, rows, share)
    assert set(left[left != labels].ravel()) <= {IGNORE}
    for k in range(3):
        is_kept = left[labels == k] != IGNORE
        sure = confidence[labels == k]
        if not is_kept.all() and is_kept.any():
            assert sure[is_kept].min() > sure[~is_kept].max()
        of_rows = labels[rows] == k
        quota = max(1, round(share * of_rows.sum()))
        kept = confidence[rows][of_rows & (left[rows] != IGNORE)]
        if of_rows.any():
            assert len(kept) >= quota
            assert (kept > kept.min()).sum() < quota, "no more than are as confident as the last"
