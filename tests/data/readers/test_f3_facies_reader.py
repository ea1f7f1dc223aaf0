"""The F3 facies benchmark: slices of small volumes in the official files."""

import tracemalloc

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.readers.f3_facies.reader import to_grey
from fewmask.data.readers.reader import open_reader
from tests.data.readers.official import prepared, roles, settings

# Inlines, crosslines, depth.
SHAPES = {
    "train/train": (12, 7, 5),
    "test_once/test1": (3, 7, 5),
    "test_once/test2": (15, 2, 5),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder with the six volumes."""
    random = np.random.default_rng(0)
    for name, shape in SHAPES.items():
        path = tmp_path / "f3_facies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(f"{path}_seismic.npy", random.uniform(-1.2, 1.2, shape))
        np.save(f"{path}_labels.npy", random.integers(0, 6, shape).astype(np.uint8))
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path))
    return tmp_path


def of(folder, **reader):
    return open_reader(settings("f3_facies", reader={"validation_inlines": 0} | reader), folder)


def volume(folder, name):
    return np.load(folder / f"f3_facies/{name}.npy")


def items_by_subset(reader):
    found = {}
    for item in reader.items():
        found.setdefault(item.subset, []).append(item)
    return found


def test_every_line_of_every_volume_is_a_slice(folder):
    subsets = items_by_subset(of(folder))
    assert {name: len(items) for name, items in subsets.items()} == {
        "train_inline": 12, "train_crossline": 7, "test1_inline": 3, "test1_crossline": 7,
        "test2_inline": 15, "test2_crossline": 2,
    }  # fmt: skip
    assert [item.name for item in subsets["test1_inline"]] == [
        "test1_inline_000", "test1_inline_001", "test1_inline_002",
    ]  # fmt: skip
    assert {*items_by_subset(of(folder, slices="inlines"))} == {
        "train_inline", "test1_inline", "test2_inline",
    }  # fmt: skip
    assert len(of(folder, slices="crosslines").items()) == 7 + 7 + 2


def test_slices_are_depth_by_width(folder):
    reader = of(folder)
    subsets = items_by_subset(reader)
    seismic, labels = (volume(folder, f"train/train_{kind}") for kind in ("seismic", "labels"))
    inline = reader.load(subsets["train_inline"][4])
    assert inline.image.shape == (5, 7, 3)
    assert inline.truth["mask"][2, 6] == labels[4, 6, 2]
    assert np.array_equal(inline.truth["mask"], labels[4].T)
    assert np.array_equal(inline.image[..., 1], to_grey(seismic[4].T, 1))
    crossline = reader.load(subsets["train_crossline"][6])
    assert crossline.image.shape == (5, 12, 3)
    assert crossline.truth["mask"][2, 4] == labels[4, 6, 2]
    assert np.array_equal(crossline.image[..., 0], to_grey(seismic[:, 6].T, 1))


def test_grey_values():
    amplitudes = np.array([-5, -1, -0.5, 0, 0.5, 1, 5])
    assert to_grey(amplitudes, 1).tolist() == [0, 0, 64, 128, 191, 255, 255]
    assert to_grey(amplitudes, 2).tolist() == [0, 64, 96, 128, 159, 191, 255]


def test_validation_inlines_are_touched_by_no_training_slice(folder):
    reader = of(folder, validation_inlines=4)
    subsets = items_by_subset(reader)
    labels = volume(folder, "train/train_labels")
    assert len(subsets["train_inline"]) == 8
    assert np.array_equal(reader.load(subsets["train_crossline"][3]).truth["mask"], labels[:8, 3].T)
    assert np.array_equal(reader.load(subsets["validation_inline"][0]).truth["mask"], labels[8].T)
    assert np.array_equal(reader.load(subsets["validation_inline"][3]).truth["mask"], labels[11].T)
    assert "validation_crossline" not in subsets


def test_prepared_and_split_as_the_yaml_says(folder):
    with prepared(folder, "f3_facies", reader={"validation_inlines": 4}) as store:
        given = roles(store, settings("f3_facies"))
    assert {name[:6] for name in given["test"]} == {"test1_", "test2_"}
    assert len(given["test"]) == 3 + 7 + 15 + 2
    assert given["validation"] == [f"validation_inline_{i:03d}" for i in range(4)]
    assert len(given["labelled"]) == 8 + 7
    assert given["unlabelled"] == []


def test_validation_by_drawn_blocks_of_neighbours(folder):
    changes = {"validation": "n3", "blocks": 3}
    with prepared(folder, "f3_facies", reader={"validation_inlines": 0}) as store:
        given = roles(store, settings("f3_facies", split=changes))
    assert len(given["test"]) == 3 + 7 + 15 + 2
    directions = {name.rpartition("_")[0] for name in given["validation"]}
    indices = [int(name[-3:]) for name in given["validation"]]
    assert len(directions) == 1
    assert indices == [*range(indices[0], indices[0] + len(indices))]
    assert len(given["labelled"]) == 12 + 7 - len(indices)


def test_as_the_official_archive_unpacks(folder):
    (folder / "f3").mkdir()
    (folder / "f3_facies").rename(folder / "f3/data")
    changed = settings("f3_facies", root="f3", reader={"validation_inlines": 0})
    assert len(open_reader(changed, folder).items()) == 12 + 7 + 3 + 7 + 15 + 2


def test_memory_does_not_grow_with_the_volume(tmp_path):
    for name, inlines in {"train/train": 400, "test_once/test1": 2, "test_once/test2": 2}.items():
        path = tmp_path / "f3_facies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for kind, dtype in (("seismic", np.float64), ("labels", np.uint8)):
            file, shape = f"{path}_{kind}.npy", (inlines, 100, 255)
            np.lib.format.open_memmap(file, "w+", dtype, shape)  # 80 MB of zeros, not written
    reader = of(tmp_path)
    items = reader.items()
    tracemalloc.start()
    for item in (items[0], items[400], items[450]):
        reader.load(item)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_labels_may_be_stored_as_fractional_numbers_but_not_be_some(folder):
    path = folder / "f3_facies/train/train_labels.npy"
    labels = volume(folder, "train/train_labels").astype(np.float64)
    np.save(path, labels)
    reader = of(folder)
    assert np.array_equal(reader.load(reader.items()[0]).truth["mask"], labels[0].T)
    np.save(path, labels + 0.5)
    reader = of(folder)
    with pytest.raises(FewmaskError, match="train_inline_000: found fractional numbers"):
        reader.load(reader.items()[0])


def test_a_label_that_is_no_class(folder):
    np.save(folder / "f3_facies/train/train_labels.npy", np.full((12, 7, 5), 6))
    reader = of(folder)
    with pytest.raises(FewmaskError, match=r"labels\.npy, train_inline_000: found values without"):
        reader.load(reader.items()[0])


def test_amplitudes_that_are_not_finite(folder):
    seismic = volume(folder, "train/train_seismic")
    seismic[0, 0, 0] = np.nan
    np.save(folder / "f3_facies/train/train_seismic.npy", seismic)
    reader = of(folder)
    with pytest.raises(FewmaskError, match="train_inline_000: found numbers that are not finite"):
        reader.load(reader.items()[0])


def test_a_volume_that_is_missing(folder):
    path = folder / "f3_facies/test_once/test2_labels.npy"
    path.unlink()
    with pytest.raises(FewmaskError) as error:
        of(folder).items()
    assert str(error.value) == (
        f"{path}: no such file\n"
        "  expected: the official layout: train/train_seismic.npy and train_labels.npy,\n"
        "  test_once/test1_*.npy and test2_*.npy, each inlines x crosslines x depth\n"
        "  mend: unpack data.zip of zenodo.org/record/3755060"
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no array", "cannot be read"),
        (b"", "cannot be read"),
        (np.zeros((3, 4)), "found something other than a volume of numbers"),
        (np.zeros((3, 4, 5), bool), "found something other than a volume of numbers"),
        (np.array([[[{}]]]), "cannot be read"),
        (np.zeros((12, 7, 4), np.uint8), "found a volume of 12 x 7 x 4\n  expected: 12 x 7 x 5, t"),
    ],
    ids=["text", "empty", "two axes", "booleans", "pickled objects", "another size"],
)
def test_files_that_are_no_volumes(folder, content, problem):
    path = folder / "f3_facies/train/train_labels.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(FewmaskError, match=f"train_labels.npy: {problem}"):
        of(folder).items()


def test_a_file_that_is_cut_short(folder):
    path = folder / "f3_facies/train/train_seismic.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FewmaskError, match=r"train_seismic\.npy: cannot be read"):
        of(folder).items()


def test_more_validation_than_there_is(folder):
    with pytest.raises(FewmaskError, match="found 12\n  expected: fewer than the 12 inlines of"):
        of(folder, validation_inlines=12).items()
