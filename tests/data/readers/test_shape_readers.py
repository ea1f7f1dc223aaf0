"""LabelMe, CVAT and COCO: what their readers have in common."""

import sys

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.prepare import prepare
from fewmask.data.readers.shapes import OVERLAP
from fewmask.data.store.store import Store
from tests.data.making import reading
from tests.data.readers.reading_shapes import mask, reader
from tests.data.readers.shape_files import (
    CLASSES,
    LEAF,
    SPOT,
    expected,
    make_images,
)

IN_BOTH = 8 * 6
"""The pixels of the leaf that the spot covers."""


@pytest.mark.parametrize("name", ["labelme", "cvat", "coco"])
class TestEveryReader:
    def test_paints_the_mask_and_notes_what_overlaps(self, root, name):
        opened = reader(root, name)
        items = opened.items()
        assert [item.name.removeprefix("images/") for item in items] == [
            "leaf_01", "leaf_02", "leaf_10",
        ]  # fmt: skip
        sample = opened.load(items[0])
        np.testing.assert_array_equal(sample.truth["mask"], expected())
        assert sample.notes == {OVERLAP: IN_BOTH}
        assert not opened.load(items[1]).truth
        assert not opened.load(items[2]).truth

    def test_the_order_of_classes_decides(self, root, name):
        found = mask(reader(root, name, classes=["background", "spot", "leaf"]))
        assert (found[LEAF] == 2).all()
        assert (found == 1).sum() == 8 * 10 - IN_BOTH

    def test_labels_may_mean_something_else(self, root, name):
        labels = {"spot": "ignore", "leaf": "plant"}
        classes, background = ["plant", "soil"], "soil"
        found = mask(reader(root, name, labels=labels, classes=classes, background=background))
        assert (found[SPOT] == 255).all()
        assert found[5, 5] == 0
        assert found[0, 0] == 1

    def test_an_unknown_label_is_named(self, root, name):
        with pytest.raises(ImageError, match="the label 'spot', which is no class") as error:
            mask(reader(root, name, classes=["background", "leaf"]))
        assert "reader: {labels: {spot: ...}}" in str(error.value)

    def test_meanings_must_be_classes(self, root, name):
        with pytest.raises(FewmaskError, match=r"labels.spot is rust; the classes are backgr"):
            reader(root, name, labels={"spot": "rust"})
        with pytest.raises(FewmaskError, match="background is soil; the classes are"):
            reader(root, name, background="soil")

    def test_another_size_than_the_image_is_refused(self, root, name):
        make_images(root / "images", "x.png")
        other = root / "images/leaf_01.png"
        from PIL import Image

        Image.new("RGB", (30, 20)).save(other)
        with pytest.raises(ImageError, match=r"of an image of 24 x 16 .*\n.* 30 x 20, the size of"):
            mask(reader(root, name))

    def test_an_image_that_is_listed_and_not_there_is_named(self, root, name):
        (root / "images/leaf_01.png").unlink()
        opened = reader(root, name)
        if name == "labelme":
            with pytest.raises(FewmaskError, match=r"leaf_01.json: this mask has no image"):
                opened.items()
        else:
            with pytest.raises(ImageError, match=r"leaf_01.png: found no such file"):
                mask(opened)

    @pytest.mark.parametrize("text", ["", "{", "[]", "<annotations>", "null", '{"images": 3}'])
    def test_a_damaged_file_is_named(self, root, name, text):
        opened = reader(root, name)
        path = root / {"labelme": "notes/leaf_01.json", "cvat": "all.xml"}.get(name, "all.json")
        path.write_text(text)
        with pytest.raises(FewmaskError, match=path.name):
            opened.load(opened.items()[0])

    def test_prepare_says_how_many_pixels_overlap(self, root, name, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("FEWMASK_DATA", str(tmp_path))
        chosen = reader(root, name)._options if name != "labelme" else reader(root, name)._reader
        options = {"reader": chosen.model_dump(mode="json"), "classes": CLASSES, "size": 24}
        prepare(reading(**options), tmp_path / "mine.h5")
        assert f"note: {OVERLAP}: {IN_BOTH}\n" in capsys.readouterr().err
        with Store(tmp_path / "mine.h5") as store:
            np.testing.assert_array_equal(store.read("mask", [0])[0, :16], expected())


@pytest.mark.parametrize("name", ["cvat", "coco"])
class TestOneFile:
    def test_images_without_shapes_may_be_background(self, root, name):
        opened = reader(root, name, without_shapes="background")
        second, third = opened.items()[1:]
        assert (opened.load(second).truth["mask"] == 0).all()
        assert not opened.load(third).truth

    def test_the_file_must_be_there_and_in_the_folder(self, root, name):
        opened = reader(root, name, annotations="other")
        with pytest.raises(FewmaskError, match="other: no such file"):
            opened.items()
        (root / "other").symlink_to(__file__)
        with pytest.raises(FewmaskError, match="outside the dataset's folder"):
            opened.items()

    def test_a_missing_package_is_named(self, root, name, monkeypatch):
        package = {"cvat": "defusedxml.ElementTree", "coco": "pycocotools.mask"}[name]
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(FewmaskError, match=r"pip install (defusedxml|pycocotools)"):
            reader(root, name).items()
