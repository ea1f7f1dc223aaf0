"""Masks that are written in the format of a dataset, and read back by its reader."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy import ndimage

from fewmask.data.readers.labelme import polygons as labelme
from fewmask.data.readers.labelme.polygons import polygons
from fewmask.data.readers.reader import open_reader
from fewmask.data.readers.writer import Annotated, open_writer
from tests.data.making import noise, save, settings
from tests.data.readers.shape_files import write_json

CLASSES = ["background", "leaf", "spot"]
SIZE = (40, 60)


def blobs(seed: int, size: tuple[int, int] = SIZE, smooth: float = 2) -> np.ndarray:
    """A mask of three classes, with holes and small areas."""
    draws = np.random.default_rng(seed).normal(size=(3, *size))
    return np.stack([ndimage.gaussian_filter(one, smooth) for one in draws]).argmax(0).astype("u1")


def round_trip(root: Path, masks: dict[str, np.ndarray], **changes: Any) -> dict[str, np.ndarray]:
    """Masks by the names of their images, after they were written and read."""
    chosen = settings(**{"classes": CLASSES, "root": root.name} | changes)
    writer = open_writer(chosen, root, root)
    for i, (name, mask) in enumerate(masks.items()):
        path = save(root / f"images/{name}.png", noise(*mask.shape, 3, seed=i))
        writer.add(Annotated(name, path, mask))
    writer.close()
    opened = open_reader(chosen, root.parent)
    return {item.name: opened.load(item).truth["mask"] for item in opened.items()}


MASKS = {"a": blobs(0), "more/b": blobs(1), "c": blobs(2)}
FOLDER = {"name": "folder", "images": "images/**/*.png", "masks": "masks/**/*.png"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mask_values": {7: "leaf", 9: "leaf", 3: "spot", 200: "background", 0: "ignore"}},
        {"mask_values": {7: "leaf", 3: "spot", 70000: "background"}},
        {"mask_values": {7: "leaf", 3: "spot"}},
    ],
)
def test_png_files_are_read_back(tmp_path: Path, changes: dict):
    found = round_trip(tmp_path / "mine", MASKS, reader=FOLDER, **changes)
    assert found.keys() == MASKS.keys()
    for name, mask in MASKS.items():
        np.testing.assert_array_equal(found[name], mask)


def test_png_files_have_the_values_and_the_colours_of_the_dataset(tmp_path: Path):
    values = {7: "leaf", 3: "spot", 200: "background", 0: "ignore"}
    mask = np.array([[0, 1], [2, 255]], np.uint8)
    classes = [{"name": name, "colour": [i, 2 * i, 90]} for i, name in enumerate(CLASSES)]
    round_trip(tmp_path / "mine", {"a": mask}, reader=FOLDER, mask_values=values, classes=classes)
    written = Image.open(tmp_path / "mine/masks/a.png")
    np.testing.assert_array_equal(written, [[200, 7], [3, 0]])
    colours = [[[0, 0, 90], [1, 2, 90]], [[2, 4, 90], [0, 0, 0]]]
    np.testing.assert_array_equal(written.convert("RGB"), colours)


ONE_FILE = {
    "coco": {"name": "coco", "annotations": "annotations.json", "images": "images"},
    "cvat": {"name": "cvat", "annotations": "annotations.xml", "images": "images"},
}


@pytest.mark.parametrize("name", ["coco", "cvat"])
@pytest.mark.parametrize(
    "options", [{}, {"labels": {"rust": "spot", "soil": "ignore"}, "background": "leaf"}]
)
def test_files_of_all_images_are_read_back(tmp_path: Path, name: str, options: dict):
    found = round_trip(tmp_path / "mine", MASKS, reader=ONE_FILE[name] | options)
    assert found.keys() == MASKS.keys()
    for one, mask in MASKS.items():
        np.testing.assert_array_equal(found[one], mask)


def test_coco_keeps_the_ids_of_the_categories(tmp_path: Path):
    listed = [{"id": 7, "name": "spot"}, {"id": 3, "name": "leaf"}, {"id": 4, "name": "soil"}]
    write_json(tmp_path / "mine/annotations.json", {"categories": listed})
    round_trip(tmp_path / "mine", {"a": blobs(0)}, reader=ONE_FILE["coco"])
    content = json.loads((tmp_path / "mine/annotations.json").read_text())
    assert content["categories"] == [{"id": 3, "name": "leaf"}, {"id": 7, "name": "spot"}]
    first = content["annotations"][0]
    left, top, width, height = first["bbox"]
    assert first["area"] <= width * height
    assert blobs(0)[top : top + height, left : left + width].max() > 0


LABELME = {"name": "labelme", "images": "images/**/*.png", "masks": "masks/**/*.json"}


def test_polygons_of_labelme_are_nearly_read_back(tmp_path: Path):
    masks = {f"leaf_{i}": blobs(i, (300, 400), smooth=25) for i in range(3)}
    found = round_trip(tmp_path / "mine", masks, reader=LABELME)
    for name, mask in masks.items():
        for index in range(len(CLASSES)):
            is_found, expected = found[name] == index, mask == index
            assert (is_found & expected).sum() / (is_found | expected).sum() > 0.99
    content = json.loads((tmp_path / "mine/masks/leaf_0.json").read_text())
    assert (tmp_path / "mine/masks" / content["imagePath"]).is_file()
    assert sum(len(shape["points"]) for shape in content["shapes"]) < 1000


@given(st.integers(0, 10**6), st.floats(0.4, 4), st.integers(1, 25), st.integers(1, 25))
def test_polygons_without_simplification_cover_their_areas(seed, smooth, height, width):
    """Also those of single pixels, lines, rings and rings in rings."""
    mask = blobs(seed, (height, width), smooth) == 0
    painted = Image.new("1", (width, height))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labelme, "TOLERANCE", 0)
        numbered, count = ndimage.label(mask)
        for number in range(1, count + 1):
            for polygon in polygons(numbered == number):
                assert len(polygon) >= 3

                corners = [tuple(one) for one in polygon.tolist()]
                ImageDraw.Draw(painted).polygon(corners, fill=1, outline=1)
    np.testing.assert_array_equal(np.asarray(painted), mask)
