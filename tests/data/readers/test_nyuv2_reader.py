"""NYUv2's official file: transposed arrays, official subsets, masks if requested, bad files."""

import json

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from fewmask.config.named import dataset_from_json
from fewmask.core.errors import FewmaskError
from fewmask.data.inspection.dataset import describe
from fewmask.data.preparation.prepare import prepare
from fewmask.data.readers.reader import open_reader
from fewmask.data.rendered.scenes import render
from fewmask.data.store.store import Store
from tests.data.readers.nyuv2_files import write_official

FILE = "nyu_depth_v2_labeled.mat"


def reading(reader=None, **changes):
    values = {"dataset": "nyuv2", "reader": {"name": "nyuv2", **(reader or {})}, "root": "nyuv2"}
    return json.dumps(values | {"size": [24, 32]} | changes)


def reader_of(root, reader=None, **changes):
    return open_reader(dataset_from_json(reading(reader, **changes))[1], root.parent)


@pytest.fixture
def root(tmp_path):
    return write_official(tmp_path / "nyuv2", 5)


def test_items_have_the_official_subsets(root):
    items = reader_of(root).items()
    assert [item.name for item in items] == ["0001", "0002", "0003", "0004", "0005"]
    assert [item.subset for item in items] == ["train", "test", "train", "test", "train"]
    (root / "splits.mat").unlink()
    assert {item.subset for item in reader_of(root).items()} == {""}


def test_arrays_are_turned_back(root):
    reader = reader_of(root)
    sample, room = reader.load(reader.items()[1]), render(0, 1, 24, 32)
    assert (sample.image == room.image).all()
    assert np.array_equal(sample.truth["depth"], room.depth)
    assert "mask" not in sample.truth
    raw = reader_of(root, {"depth": "raw"}).load(reader.items()[1])
    assert raw.truth["depth"][0, 0] == 0
    assert (raw.truth["depth"][1:] == room.depth[1:]).all()


def test_normals_are_derived_unless_they_are_not_wanted(root):
    reader = reader_of(root)
    normal = reader.load(reader.items()[0]).truth["normal"]
    known = normal.any(axis=-1)
    assert known[8:-8, 8:-8].any()
    assert np.allclose(np.linalg.norm(normal[known], axis=-1), 1)
    assert not known[:8].any()
    assert reader_of(root, {"normals": "none"}).load(reader.items()[0]).truth.keys() == {"depth"}


def test_masks_where_classes_are_given(root):
    reader = reader_of(root, classes=["a", "b"], mask_values={1: "a", 2: "b", 894: "b"})
    item = reader.items()[0]
    mask, raw = reader.load(item).truth["mask"], render(0, 0, 24, 32).mask
    assert mask[0, 0] == 1
    meaning = np.array([255, 0, 1, 255, 255, 255, 255])  # what is not named counts nowhere
    assert (mask[1:] == meaning[raw[1:]]).all()


def test_classes_need_to_know_their_labels(root):
    with pytest.raises(FewmaskError, match="mask_values: not set"):
        reader_of(root, classes=["a", "b"])
    with pytest.raises(FewmaskError, match="mask_values: found 895\n  expected: 0 to 894"):
        reader_of(root, classes=["a", "b"], mask_values={895: "b"})


def write_maps(root, to_40, to_13):
    """The two files as they are published: a row of numbers, and a struct with a first field."""
    savemat(root / "classMapping40.mat", {"mapClass": np.array([to_40], np.uint8)})
    labels = {"labels13": np.array([to_13], np.uint8), "names": ["a", "b"]}
    savemat(root / "class13Mapping.mat", {"classMapping13": labels})


def test_labels_are_mapped_to_40_and_to_13(root):
    to_40, to_13 = [(i % 40) + 1 for i in range(894)], [(i % 13) + 1 for i in range(40)]
    write_maps(root, to_40, to_13)
    raw = render(0, 0, 24, 32).mask.astype(int)
    of_raw = {
        "nyu40": lambda label: to_40[label - 1],
        "nyu13": lambda label: to_13[to_40[label - 1] - 1],
    }
    for labels, mapped in of_raw.items():
        wanted = {1: "a", 2: "b", 3: "a"}
        reader = reader_of(root, {"labels": labels}, classes=["a", "b"], mask_values=wanted)
        mask = reader.load(reader.items()[0]).truth["mask"]
        index = {1: 0, 2: 1, 3: 0}
        expected = [index.get(mapped(label), 255) if label else 255 for label in raw[1:].ravel()]
        assert mask[1:].ravel().tolist() == expected
        assert mask[0, 0] == index.get(mapped(894), 255)


def test_maps_that_are_missing_or_wrong(root):
    options = {"classes": ["a", "b"], "mask_values": {1: "a", 2: "b"}}
    with pytest.raises(FewmaskError, match=r"classMapping40\.mat: found FileNotFoundError"):
        reader_of(root, {"labels": "nyu40"}, **options)
    write_maps(root, [41] * 894, [1] * 40)
    with pytest.raises(FewmaskError, match=r"labels from 0 to 41\n  expected: classMapping40\.mat"):
        reader_of(root, {"labels": "nyu40"}, **options)
    with pytest.raises(FewmaskError, match="mask_values: found 14\n  expected: 0 to 13"):
        reader_of(root, {"labels": "nyu13"}, classes=["a", "b"], mask_values={14: "a"})


def test_a_store_without_masks_says_that_its_normals_are_derived(root, tmp_path, monkeypatch):
    monkeypatch.setenv("FEWMASK_DATA", str(root.parent))
    prepare(reading(), tmp_path / "a.h5", workers=2)
    with Store(tmp_path / "a.h5") as store:
        assert store.fields == ("image", "depth", "normal", "extent", "size", "class_pixels")
    assert "depth, normal (derived from depth), extent" in describe(tmp_path / "a.h5")


def test_files_that_are_missing_or_wrong(root):
    (root / "splits.mat").write_bytes(b"MATLAB 5.0")
    with pytest.raises(FewmaskError, match=r"splits\.mat: found .*\n  expected: the official spli"):
        reader_of(root).items()
    (root / "splits.mat").unlink()
    path = root / FILE
    with h5py.File(path, "r+") as file:
        del file["depths"]
    reader = reader_of(root)
    with pytest.raises(FewmaskError, match=f"{FILE}: found depths: None"):
        reader.load(reader.items()[0])
    content = path.read_bytes()[:2000]
    path.unlink()  # the reader above still holds the file open
    path.write_bytes(content)
    with pytest.raises(FewmaskError, match=f"{FILE}: found no whole HDF5 file"):
        reader_of(root).items()
    path.unlink()
    with pytest.raises(FewmaskError, match=f"{FILE}: found no such file\n  expected: the official"):
        reader_of(root).items()


def test_labels_beyond_the_last(root):
    with h5py.File(root / FILE, "r+") as file:
        file["labels"][0, 5, 5] = 895
    reader = reader_of(root, classes=["a", "b"], mask_values={1: "a", 2: "b"})
    with pytest.raises(FewmaskError, match="found label 895 in image 1"):
        reader.load(reader.items()[0])
