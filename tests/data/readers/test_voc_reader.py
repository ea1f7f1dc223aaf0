"""PASCAL VOC 2012: official and published layouts on a tiny copy, and the real published lists."""

import shutil

import numpy as np
import pytest
from PIL import Image

from fewmask.core.errors import FewmaskError
from fewmask.data.readers.reader import open_reader
from fewmask.data.splits import file as split_files
from fewmask.data.splits.job import split
from tests.data.making import noise, save
from tests.data.readers.official import prepared, roles, settings

TRAIN, VAL = ["2007_000032", "2007_000039", "2007_000063"], ["2007_000033"]
AUGMENTED = ["2008_000002"]
MASK = np.array([[0, 1, 255], [20, 255, 15]], np.uint8)
ONLY_PEOPLE = np.full((2, 3), 15, np.uint8)


def official_colour(index):
    """The colour of a class, as VOCcolormap.m of the development kit makes it from its bits."""
    colour = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            colour[channel] |= (index >> (3 * bit + channel) & 1) << (7 - bit)
    return tuple(colour)


def save_mask(path, indices):
    """A palette PNG with the official colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(indices, mode="P")
    image.putpalette([part for i in range(256) for part in official_colour(i)])
    image.save(path)


def make(root):
    """The official layout below ``root``."""
    for name in [*TRAIN, *VAL, *AUGMENTED]:
        save(root / f"JPEGImages/{name}.jpg", noise(2, 3, 3))
    for name in [*TRAIN, *VAL]:
        save_mask(root / f"SegmentationClass/{name}.png", MASK)
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    for subset, names in {"train": TRAIN, "val": VAL, "trainval": sorted(TRAIN + VAL)}.items():
        (lists / f"{subset}.txt").write_text("".join(f"{name}\n" for name in names))
    return root


def augment(root):
    """SegmentationClassAug as it is passed on: grey, the images of val included."""
    for name in [*TRAIN, *VAL, *AUGMENTED]:
        save(root / f"SegmentationClassAug/{name}.png", ONLY_PEOPLE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path))
    make(tmp_path / "voc2012")
    return tmp_path


def of(folder, name="voc2012", **changes):
    return open_reader(settings(name, **changes), folder)


def test_names_subsets_and_classes(folder):
    reader = of(folder)
    items = reader.items()
    assert [(item.name, item.subset) for item in items] == [
        *((name, "train") for name in TRAIN),
        *((name, "val") for name in VAL),
    ]
    assert reader.load(items[0]).truth["mask"].tolist() == MASK.tolist()


def test_the_colours_are_the_official_ones(folder):
    classes = settings("voc2012").classes
    assert [one.colour for one in classes] == [official_colour(i) for i in range(21)]
    colours = np.array([official_colour(i) for i in range(21)] + [(224, 224, 192)], np.uint8)
    indices = np.where(MASK == 255, 21, MASK)
    save(folder / f"voc2012/SegmentationClass/{TRAIN[0]}.png", colours[indices])
    reader = of(folder)
    assert reader.load(reader.items()[0]).truth["mask"].tolist() == MASK.tolist()


def test_as_the_official_archive_unpacks(tmp_path):
    make(tmp_path / "voc2012/VOCdevkit/VOC2012")
    reader = of(tmp_path)
    assert [reader.load(item).truth["mask"].shape for item in reader.items()] == [(2, 3)] * 4


def test_augmented_masks_are_for_training_only(folder):
    augment(folder / "voc2012")
    reader = of(folder, "voc2012_aug")
    items = reader.items()
    assert [item.name for item in items] == [*TRAIN, *AUGMENTED, *VAL]
    assert (reader.load(items[0]).truth["mask"] == 15).all()
    assert reader.load(items[-1]).truth["mask"].tolist() == MASK.tolist()


def test_augmented_masks_by_a_list(folder):
    augment(folder / "voc2012")
    names = [AUGMENTED[0], TRAIN[1]]
    pairs = [f"JPEGImages/{name}.jpg SegmentationClass/{name}.png\n" for name in names]
    (folder / "voc2012/train_aug.txt").write_text("".join(pairs))
    reader = of(folder, "voc2012_aug", reader={"train_list": "train_aug.txt"})
    assert [item.name for item in reader.items()] == [*names, *VAL]
    assert reader.items()[0].mask.parent.name == "SegmentationClassAug"


def test_prepared_and_split(folder):
    with prepared(folder, "voc2012", split={}) as store:
        given = roles(store, settings("voc2012", split={"validation": "n1"}))
    assert given["test"] == VAL
    assert len(given["validation"]) == 1
    assert {*given["labelled"], *given["validation"]} == {*TRAIN}


def test_published_lists_are_fractions(folder):
    (folder / "voc2012/splits/1_8").mkdir(parents=True)
    line = f"JPEGImages/{TRAIN[1]}.jpg SegmentationClass/{TRAIN[1]}.png\n"
    (folder / "voc2012/splits/1_8/labeled.txt").write_text(line)
    with prepared(folder, "voc2012") as store:
        names = store.names
    lists = {"list_1_8": "splits/1_8/labeled.txt"}
    wanted = settings("voc2012", split={"validation": "n1", "lists": lists}).split
    split(folder / "voc2012.h5", wanted.model_dump_json(), "list_1_8", 0, folder / "split.csv")
    roles = split_files.read(folder / "split.csv", names)
    assert roles["labelled"].tolist() == [1]
    assert len(roles["unlabelled"]) == 1


def test_the_yaml_of_the_lists_names_files_of_the_repository(folder):
    lists = settings("voc2012_lists").split.lists
    assert lists["list_1_8"] == "splits/1_8/labeled.txt"
    assert settings("voc2012_lists").split.test == "val"


def test_a_mask_that_is_missing_is_named(folder):
    (folder / f"voc2012/SegmentationClass/{VAL[0]}.png").unlink()
    with pytest.raises(FewmaskError, match=r"2007_000033\.png: found no such file"):
        prepared(folder, "voc2012")


def test_a_value_that_is_no_class(folder):
    save_mask(folder / f"voc2012/SegmentationClass/{TRAIN[0]}.png", MASK + 1)
    reader = of(folder)
    with pytest.raises(FewmaskError, match="found values without a meaning: 21 in 1 pixel"):
        reader.load(reader.items()[0])


def test_augmented_masks_that_are_missing(folder):
    with pytest.raises(FewmaskError) as error:
        of(folder, "voc2012_aug").items()
    assert str(error.value) == (
        f"{folder}/voc2012/SegmentationClassAug: no such folder\n"
        "  expected: palette masks NAME.png, values 0 to 20, and 255 for ignore\n"
        "  mend: unpack the augmented masks there, or set reader.train_masks to the folder that "
        "holds them (SegmentationClass: train on VOC's own)"
    )
    save(folder / f"voc2012/SegmentationClassAug/{VAL[0]}.png", MASK)
    with pytest.raises(FewmaskError, match="no masks here except those of val"):
        of(folder, "voc2012_aug").items()


def test_a_list_that_is_missing(folder):
    (folder / "voc2012/ImageSets/Segmentation/train.txt").unlink()
    with pytest.raises(FewmaskError, match=r"train\.txt: no such file\n.*\n  mend: put the list t"):
        of(folder).items()


def test_lists_that_overlap(folder):
    with pytest.raises(FewmaskError, match="1 of the 4 names in ImageSets/Segmentation/trainval"):
        of(folder, reader={"train_list": "ImageSets/Segmentation/trainval.txt"}).items()


# --- Real lists ------------------------------------------------------------------------------


def test_real_lists(real_data, tmp_path):
    published = real_data / "voc2012-splits/pascal"
    if not published.is_dir():
        pytest.skip("no voc2012-splits below FEWMASK_DATA")
    root = tmp_path / "voc2012"
    (root / "SegmentationClass").mkdir(parents=True)
    shutil.copytree(published, root / "splits")
    lists = {"train_list": "splits/train_aug.txt", "val_list": "splits/val.txt"}
    names = {}
    for item in of(tmp_path, reader=lists).items():
        names.setdefault(item.subset, set()).add(item.name)
    assert {subset: len(found) for subset, found in names.items()} == {"train": 10582, "val": 1449}
    assert not names["train"] & names["val"]
    counts = {}
    for name, path in settings("voc2012_lists").split.lists.items():
        part = of(tmp_path, reader=lists | {"train_list": path}).items()
        listed = {item.name for item in part if item.subset == "train"}
        assert listed <= names["train"]
        counts[name] = len(listed)
    assert counts == {
        "list_1_16": 662, "list_1_8": 1323, "list_1_4": 2646, "list_92": 92, "list_183": 183,
        "list_366": 366, "list_732": 732, "list_1464": 1464,
    }  # fmt: skip
