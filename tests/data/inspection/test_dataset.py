"""What a person is told and shown of a dataset."""

import json
import re

import h5py
import numpy as np
import pytest
from PIL import Image

from fewmask.core.errors import FewmaskError
from fewmask.data.inspection.dataset import contact_sheet, describe, list_datasets
from fewmask.data.inspection.sheet import coloured, overlaid
from fewmask.data.preparation.rows import Row
from fewmask.data.store.writer import StoreWriter
from tests.data.making import PALETTE, noise, reading

SIZE = (16, 24)


@pytest.fixture
def store(tmp_path):
    """Two labelled images, one of them without a category, and an unlabelled one."""
    masks = [np.full(SIZE, value, np.uint8) for value in (1, 0, 255)]
    masks[0][:4] = 2
    subsets, categories = ("train", "test", ""), (0, -1, 1)
    with StoreWriter(tmp_path / "mine.h5", reading(), ("cat", "dog")) as writer:
        for i, mask in enumerate(masks):
            image = noise(*SIZE, 3, seed=i)
            row = Row(
                f"p{i}", subsets[i], (160, 240 + i), SIZE, image, {"mask": mask}, categories[i]
            )
            writer.append(row)
    return tmp_path / "mine.h5"


def test_a_description_counts(store):
    text = describe(store)
    lines = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in text.splitlines()}
    assert lines["content"] == "3 images, 2 with masks"
    assert lines["subsets"] == "(none) 1, test 1, train 1"
    assert lines["categories"] == "(none) 1, cat 1, dog 1"
    assert lines["size"] == "16 x 24 (height x width), fit: pad"
    assert lines["original sizes"] == "height 160 (all), width 240 to 242 (median 241)"
    assert json.loads(lines["settings"]) == json.loads(reading())
    assert re.fullmatch("[0-9a-f]{64}, agrees with the content", lines["digest"])
    assert text.splitlines()[-4:] == [
        "class   labelled pixels  images",
        "ground   50.0 %          1 of 2",
        "pet      37.5 %          1 of 2",
        "border   12.5 %          1 of 2",
    ]


def test_a_store_that_was_damaged_is_told(store):
    with h5py.File(store, "r+") as file:
        file["mask"][1, 0, 0] ^= 1
    with pytest.raises(FewmaskError, match="does not match its digest"):
        describe(store)


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(FewmaskError, match="no such file"):
        describe(tmp_path / "a.h5")


def test_the_sheet_shows_the_colours_of_the_classes(store, tmp_path):
    contact_sheet(store, tmp_path / "new/sheet.png", count=8)
    pixels = np.array(Image.open(tmp_path / "new/sheet.png").convert("RGB"))
    assert pixels.shape[0] > 200
    assert pixels.shape[1] > 400
    for colour in PALETTE[1:]:  # a tile and a swatch: more than a hundredth of a tile's pixels
        assert (pixels == colour).all(axis=-1).sum() > 500


def test_the_same_seed_draws_the_same_sheet(store, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        contact_sheet(store, tmp_path / f"{name}.png", count=1, seed=seed)
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_ignored_pixels_are_hatched_and_left_bare():
    mask = np.array([[1, 255], [255, 2]], np.uint8)
    image = noise(2, 2, 3)
    colours, overlay = coloured(mask, PALETTE), overlaid(image, mask, PALETTE)
    assert (colours[0, 0] == PALETTE[1]).all()
    assert (colours[1, 1] == PALETTE[2]).all()
    assert colours[0, 1].min() >= 200
    assert (overlay[0, 1] == image[0, 1]).all()
    assert (overlay[0, 0] == (0.45 * image[0, 0] + 0.55 * PALETTE[1]).round()).all()


def test_rooms_have_tiles_of_depth_and_normals(tmp_path):
    depth = np.linspace(1, 2, 24, dtype=np.float32) * np.ones((16, 1), np.float32)
    normal = np.tile(np.array([0, 0, -1], np.float32), (*SIZE, 1))
    with StoreWriter(tmp_path / "a.h5", reading()) as writer:
        image, mask = noise(*SIZE, 3), noise(*SIZE, below=3)
        writer.append(
            Row("a", "", SIZE, SIZE, image, {"mask": mask, "depth": depth, "normal": normal})
        )
    contact_sheet(tmp_path / "a.h5", tmp_path / "a.png")
    pixels = np.array(Image.open(tmp_path / "a.png").convert("RGB"))
    towards_camera = (pixels == (127, 127, 255)).all(axis=-1)
    assert towards_camera.sum() > 10_000


def test_datasets_are_listed_and_a_broken_one_is_a_line(project, monkeypatch):
    monkeypatch.setenv("FEWMASK_DATA", str(project / "data"))
    folder = project / "config/datasets"
    common = "description: Mine\nclasses: [a, b]\n"
    (folder / "rooms.yaml").write_text(f"{common}reader: {{name: scenes, images: 3}}")
    pet = f"{common}reader: {{name: oxford_pet}}\nroot: "
    (folder / "here.yaml").write_text(f"{pet}here")
    (folder / "missing.yaml").write_text(f"{pet}missing")
    archive = "{url: 'http://a.b/c.zip', checksum: 'md5:0'}"
    (folder / "offered.yaml").write_text(f"{pet}offered\ndownload: [{archive}]")
    (folder / "broken.yaml").write_text("reader: [")
    (folder / "wrong.yaml").write_text("description: Mine\nclases: [a, b]")
    (project / "data/here").mkdir(parents=True)
    (project / "data/here/a.jpg").touch()
    lines = {line.split()[0]: line for line in list_datasets().splitlines()}
    assert list(lines) == ["name", "broken", "here", "missing", "offered", "rooms", "wrong"]
    assert lines["rooms"].endswith(" Mine")
    assert "none needed" in lines["rooms"]
    assert f"in {project}/data/here" in lines["here"]
    assert f"not in {project}/data/missing " in lines["missing"]
    assert f"not in {project}/data/offered, can be downloaded" in lines["offered"]
    assert "error: config/datasets/broken.yaml:1: not valid YAML" in lines["broken"]
    assert "error: config/datasets/wrong.yaml" in lines["wrong"]
