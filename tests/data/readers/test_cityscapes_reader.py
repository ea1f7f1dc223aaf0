"""Cityscapes: the official folders and label ids, on a tiny copy."""

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.readers.reader import open_reader
from tests.data.making import noise, save
from tests.data.readers.official import prepared, roles, settings

FRAMES = {
    "train": ["aachen_000000_000019", "aachen_000001_000019", "bremen_000000_000019"],
    "val": ["frankfurt_000000_000294"],
    "test": ["berlin_000000_000019"],
}
# All official ids once (255 stands for -1), and what they become: cityscapesscripts' trainId.
IDS = np.array([*range(34), 255, 255], np.uint8).reshape(6, 6)
TRAIN_IDS = [
    [255, 255, 255, 255, 255, 255],
    [255, 0, 1, 255, 255, 2],
    [3, 4, 255, 255, 255, 5],
    [255, 6, 7, 8, 9, 10],
    [11, 12, 13, 14, 15, 255],
    [255, 16, 17, 18, 255, 255],
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder with five frames, of which test's has the dummy mask of the archive."""
    root = tmp_path / "cityscapes"
    for subset, frames in FRAMES.items():
        for frame in frames:
            city = frame.split("_")[0]
            save(root / f"leftImg8bit/{subset}/{city}/{frame}_leftImg8bit.png", noise(6, 6, 3))
            masks = root / f"gtFine/{subset}/{city}"
            save(masks / f"{frame}_gtFine_labelIds.png", IDS)
            save(masks / f"{frame}_gtFine_instanceIds.png", IDS)
            save(masks / f"{frame}_gtFine_color.png", noise(6, 6, 3))
    (root / "leftImg8bit/train/aachen/._aachen_000000_000019_leftImg8bit.png").touch()
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path))
    return tmp_path


def of(folder, **changes):
    return open_reader(settings("cityscapes", **changes), folder)


def test_frames_subsets_and_ids(folder):
    reader = of(folder)
    items = reader.items()
    assert [(item.name, item.subset) for item in items] == [
        (f"{frame}_leftImg8bit", subset) for subset in ("train", "val") for frame in FRAMES[subset]
    ]
    assert all(reader.load(item).truth["mask"].tolist() == TRAIN_IDS for item in items)


def test_other_subsets_are_read_without_masks(folder):
    reader = of(folder, reader={"unlabelled": ["test"]})
    item = reader.items()[-1]
    assert (item.name, item.subset) == ("berlin_000000_000019_leftImg8bit", "test")
    assert "mask" not in reader.load(item).truth


def test_prepared_and_split(folder):
    with prepared(folder, "cityscapes", reader={"unlabelled": ["test"]}) as store:
        assert store.labelled.tolist() == [True] * 4 + [False]
        chosen = settings("cityscapes", split={"validation": "n1"})
        given = roles(store, chosen)
    assert given["test"] == ["frankfurt_000000_000294_leftImg8bit"]
    assert len(given["validation"]) == 1
    assert len(given["labelled"]) == 2
    assert given["unlabelled"] == []  # not the images of test, unless train names it


def test_ids_without_a_class_may_become_one(folder):
    reader = of(folder, mask_values={10: "train"})  # rail track
    assert reader.load(reader.items()[0]).truth["mask"][1, 4] == 16


def test_mask_values_are_needed(folder):
    with pytest.raises(
        FewmaskError, match="mask_values: not given\n  expected: the class of each id"
    ):
        of(folder, mask_values=None)


def test_a_value_that_is_no_id(folder):
    mask = folder / "cityscapes/gtFine/val/frankfurt/frankfurt_000000_000294_gtFine_labelIds.png"
    save(mask, np.full((6, 6), 77, np.uint8))
    reader = of(folder)
    with pytest.raises(FewmaskError, match=r"labelIds\.png: found values without a meaning: 77 in"):
        reader.load(reader.items()[3])


def test_a_mask_that_is_missing_is_named(folder):
    mask = "gtFine/train/aachen/aachen_000001_000019_gtFine_labelIds.png"
    (folder / "cityscapes" / mask).unlink()
    with pytest.raises(FewmaskError, match=f"{mask}: found no such file"):
        prepared(folder, "cityscapes")


def test_folders_that_are_missing_or_empty(folder):
    (folder / "cityscapes/gtFine").rename(folder / "cityscapes/gtCoarse")
    with pytest.raises(FewmaskError) as error:
        of(folder).items()
    assert str(error.value) == (
        f"{folder}/cityscapes/gtFine/train: no such folder\n"
        "  expected: the official layout: leftImg8bit/SUBSET/CITY/, gtFine/SUBSET/CITY/\n"
        "  mend: register at www.cityscapes-dataset.com, fetch gtFine_trainvaltest.zip\n"
        f"  and unpack it in {folder}/cityscapes"
    )
    (folder / "cityscapes/leftImg8bit/train_extra").mkdir()
    (folder / "cityscapes/gtCoarse").rename(folder / "cityscapes/gtFine")
    with pytest.raises(FewmaskError, match="leftImg8bit/train_extra: no images\n  expected: CIT"):
        of(folder, reader={"unlabelled": ["train_extra"]}).items()
