"""NYUv2 as MTAN gives it: conversions, bad arrays, and depths and normals all the way."""

import json

import numpy as np
import pytest

from fewmask.config.named import dataset_from_json, load_dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.prepare import prepare
from fewmask.data.readers.reader import open_reader
from fewmask.data.rendered.scenes import render
from fewmask.data.splits import draw as splits
from fewmask.data.store.store import Store
from tests.conftest import ROOT
from tests.data.readers.nyuv2_files import write_mtan


@pytest.fixture
def settings(monkeypatch):
    """The settings of config/datasets/nyuv2_mtan.yaml, small."""
    monkeypatch.chdir(ROOT)
    dataset = load_dataset("nyuv2_mtan")
    wanted = dataset.model_dump(mode="json", exclude={"split", "download", "description"})
    return wanted | {"size": [24, 32], "dataset": "nyuv2_mtan"}


@pytest.fixture
def root(tmp_path):
    return write_mtan(tmp_path / "nyuv2_mtan", {"train": 12, "val": 3})


def reader_of(settings, root, **changes):
    changed = settings | {"reader": settings["reader"] | changes}
    return open_reader(dataset_from_json(json.dumps(changed))[1], root.parent)


def replace(path, change):
    np.save(path, change(np.load(path)))


def test_images_come_by_number(settings, root):
    items = reader_of(settings, root).items()
    assert [item.name for item in items[:12]] == [f"train/{i}" for i in range(12)]
    assert [item.name for item in items[12:]] == ["val/0", "val/1", "val/2"]
    assert [items[0].subset, items[14].subset] == ["train", "val"]


def test_a_sample_is_what_was_rendered(settings, root):
    reader = reader_of(settings, root)
    sample, room = reader.load(reader.items()[13]), render(1, 1, 24, 32)
    assert (sample.image == room.image).all()
    assert sample.truth["mask"][0, :3].tolist() == [255, 12, 0]
    assert (sample.truth["mask"][1:] == room.mask[1:]).all()
    assert np.array_equal(sample.truth["depth"], room.depth)
    assert np.allclose(sample.truth["normal"], room.normal, atol=1e-6)
    assert sample.truth["normal"].dtype == sample.truth["depth"].dtype == np.float32


def test_what_is_not_known_is_zero(settings, root):
    def spoil(values):
        values[:4, 0] = np.array([0, np.nan, -1, np.inf]).reshape(4, 1)
        return values

    for name in ("depth", "normal"):
        replace(root / f"train/{name}/0.npy", spoil)
    replace(root / "train/normal/0.npy", lambda normal: 3 * normal)
    reader = reader_of(settings, root)
    sample = reader.load(reader.items()[0])
    assert sample.truth["depth"][:4, 0].tolist() == [0, 0, 0, 0]
    lengths = np.linalg.norm(sample.truth["normal"], axis=-1)
    assert lengths[:4, 0] == pytest.approx([0, 0, 1, 0])
    assert np.allclose(lengths[4:], 1)


def test_axes_are_turned(settings, root):
    replace(root / "train/normal/0.npy", lambda normal: normal * 0 + np.float32([0.6, 0, 0.8]))
    reader = reader_of(settings, root, normal_axes=["x", "-z", "y"])
    normal = reader.load(reader.items()[0]).truth["normal"][0, 0]
    assert normal.tolist() == pytest.approx([0.6, -0.8, 0])


def test_a_image_without_a_label_is_unlabelled(settings, root):
    (root / "train/label/5.npy").unlink()
    reader = reader_of(settings, root)
    assert "mask" not in reader.load(reader.items()[5]).truth
    assert "mask" in reader.load(reader.items()[6]).truth


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("image", lambda a: a * 255, "0 to 1"),
        ("image", lambda a: a * np.nan, "0 to 1"),
        ("image", lambda a: a.transpose(2, 0, 1), r"float64 \(3, 24, 32\)"),
        ("label", lambda a: a + 0.5, "fractional numbers"),
        ("label", lambda a: a * np.nan, "fractional numbers"),
        ("label", lambda a: a + 1, "values without a meaning: 13 in 1 pixel"),
        ("label", lambda a: a[:-1], r"float32 \(23, 32\)"),
        ("depth", lambda a: a[..., 0], r"float32 \(24, 32\)\n  expected: .*\(24, 32, 1\)"),
        ("normal", lambda a: a.astype(str), "<U"),
        ("depth", lambda a: a.astype(object), "damaged data"),
    ],
)
def test_arrays_that_make_no_sense(settings, root, name, change, message):
    replace(root / f"val/{name}/1.npy", change)
    reader = reader_of(settings, root)
    with pytest.raises(FewmaskError, match=rf"val/{name}/1\.npy: found [^$]*{message}"):
        reader.load(reader.items()[13])


def test_files_that_are_missing_or_cut(settings, root):
    reader = reader_of(settings, root)
    items = reader.items()
    (root / "train/normal/0.npy").unlink()
    with pytest.raises(FewmaskError, match=r"train/normal/0\.npy: found no such file"):
        reader.load(items[0])
    path = root / "train/depth/1.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FewmaskError, match=r"train/depth/1\.npy: found damaged data"):
        reader.load(items[1])
    path.write_bytes(b"")
    with pytest.raises(FewmaskError, match=r"train/depth/1\.npy: found damaged data"):
        reader.load(items[1])
    (root / "val").rename(root / "test")
    with pytest.raises(FewmaskError, match=r"val/image: no arrays like 0\.npy in it"):
        reader.items()


def test_depths_and_normals_reach_the_store(settings, root, tmp_path, monkeypatch):
    monkeypatch.setenv("FEWMASK_DATA", str(root.parent))
    prepare(json.dumps(settings | {"size": 32}), tmp_path / "a.h5")
    room = render(1, 2, 24, 32)
    with Store(tmp_path / "a.h5") as store:
        depth, normal = store.read("depth", [14])[0], store.read("normal", [14])[0]
        images = splits.Images(store.names, store.subsets, store.class_pixels)
    assert np.array_equal(depth[:24], room.depth)
    assert np.allclose(normal[:24], room.normal, atol=1e-6)
    assert not depth[24:].any()
    assert not normal[24:].any()
    held_out = load_dataset("nyuv2_mtan").split.model_copy(update={"validation": "n4", "blocks": 4})
    roles = splits.draw(images, held_out, "all", seed=0)
    assert roles[12:] == ["test"] * 3
    assert sorted(roles[:12]) == ["labelled"] * 8 + ["validation"] * 4


def test_axes_that_are_no_axes(settings, root):
    with pytest.raises(FewmaskError, match="must name x, y and z once each"):
        reader_of(settings, root, normal_axes=["x", "-x", "y"])
