"""A store gives back what was written, and is refused where it is damaged."""

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fewmask.core.errors import FewmaskError
from fewmask.data.store.store import FORMAT, Store
from tests.data.making import PALETTE, reading
from tests.data.store.rows import COUNT, HEIGHT, WIDTH, make_row, write


def test_what_was_written_is_read(path):
    rows = [make_row(i) for i in range(COUNT)]
    with Store(path) as store:
        assert len(store) == COUNT
        assert (store.dataset, store.settings, store.fit) == ("mine", reading(), "pad")
        assert (store.height, store.width) == (HEIGHT, WIDTH)
        assert store.classes == ("ground", "pet", "border")
        assert store.categories == ("cat", "dog")
        assert np.array_equal(store.palette, PALETTE)
        assert store.names == [row.name for row in rows]
        assert store.subsets == [row.subset for row in rows]
        assert store.extents.tolist() == [list(row.extent) for row in rows]
        assert store.sizes.tolist() == [list(row.size) for row in rows]
        assert store.read("category").tolist() == [row.category for row in rows]
        assert np.array_equal(store.read("image"), [row.image for row in rows])
        assert np.array_equal(store.read("mask"), [row.truth["mask"] for row in rows])


def test_the_types_are_those_of_the_contract(path):
    with h5py.File(path) as file:
        types = {name: str(data.dtype) for name, data in file.items() if name not in TEXT}
        assert types == {
            "image": "uint8",
            "mask": "uint8",
            "extent": "int32",
            "size": "int32",
            "class_pixels": "int64",
            "mask_digest": "uint8",
            "category": "int64",
        }
        assert file["image"].chunks == (1, HEIGHT, WIDTH, 3)
        assert (file["image"].compression, file["mask"].compression) == (None, "gzip")


TEXT = ("name", "subset")


def test_labelled_pixels_are_counted_by_class(tmp_path):
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    some = mask.copy()
    some[0, :5] = [0, 2, 2, 2, 255]
    rows = [make_row(i, truth={"mask": one}) for i, one in enumerate((some, mask))]
    with Store(write(tmp_path / "a.h5", rows)) as store:
        assert store.class_pixels.tolist() == [[1, 0, 3], [0, 0, 0]]
        assert store.labelled.tolist() == [True, False]
        assert (store.read("mask", [1]) == 255).all()


def test_depth_and_normal_are_kept_if_there(tmp_path):
    depth = np.random.default_rng(0).random((HEIGHT, WIDTH), np.float32)
    normal = np.random.default_rng(1).random((HEIGHT, WIDTH, 3), np.float32)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    further = [{"depth": depth * i, "normal": normal} for i in range(2)]
    rows = [make_row(i, truth={"mask": mask, **one}) for i, one in enumerate(further)]
    with Store(write(tmp_path / "a.h5", rows, ())) as store:
        assert {"depth", "normal"} < set(store.fields)
        assert "category" not in store.fields
        assert np.array_equal(store.read("depth", [1])[0], depth)
        assert np.array_equal(store.read("normal", [0])[0], normal)


@given(rows=st.lists(st.integers(0, COUNT - 1), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_read_in_any_order_with_repeats(path, rows):
    with Store(path) as store:
        for field in ("image", "mask", "size", "category"):
            assert np.array_equal(store.read(field, rows), store.read(field)[rows])


@pytest.mark.parametrize("rows", [[-1], [0, COUNT]])
def test_rows_that_are_not_there(path, rows):
    with Store(path) as store, pytest.raises(IndexError, match=f"there are {COUNT}"):
        store.read("image", rows)


def test_a_field_that_is_not_there(path):
    with Store(path) as store, pytest.raises(FewmaskError, match="no field depth; it has image,"):
        store.read("depth")


def test_many_may_read_at_once_while_the_file_is_open(path):
    def digest(_):
        code = "from fewmask.data.store.store import Store; "
        code += f"print(Store('{path}').read('image').sum())"
        return subprocess.check_output([sys.executable, "-c", code], text=True).strip()

    with Store(path) as store, ThreadPoolExecutor(2) as threads:
        assert set(threads.map(digest, range(2))) == {str(store.read("image").sum())}


# --- Damage ----------------------------------------------------------------------------------


def content(path):
    """All that a reader may ask for."""
    with Store(path) as store:
        described = (
            store.names, store.subsets, store.classes, store.categories, store.palette.tolist(),
            store.settings, store.fit, store.digest, store.labelled.tolist(), store.left_out,
        )  # fmt: skip
        return described, {field: store.read(field).tobytes() for field in store.fields}


def test_no_changed_byte_goes_unnoticed(path):
    """Wherever in the file: one message, or what is read is what was written."""
    whole, written, draw = path.read_bytes(), content(path), random.Random(0)
    noticed = 0
    for _ in range(400):
        changed = bytearray(whole)
        place = draw.randrange(len(whole))
        changed[place] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        try:
            found = content(path)
        except FewmaskError:
            noticed += 1
        else:
            assert found == written, place
    assert noticed > 100


# --- Files that are no stores ----------------------------------------------------------------


def assert_refused(path, match):
    with pytest.raises(FewmaskError, match=match):
        Store(path)


def test_a_store_that_is_missing(tmp_path):
    assert_refused(tmp_path / "a.h5", r"a\.h5: no such file\n  mend: prepare the dataset")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_store_that_is_cut_short(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert_refused(path, r"mine\.h5: not a whole HDF5 file.*\n  mend: delete it and prepare")


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "a.h5").write_text("name,row")
    assert_refused(tmp_path / "a.h5", "not a whole HDF5 file")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["image"] = [1]
    assert_refused(tmp_path / "b.h5", "not a dataset prepared by Fewmask")


def test_a_store_of_another_format(path):
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = FORMAT + 1
    assert_refused(path, f"format {FORMAT + 1}; this version reads format {FORMAT}")


def test_a_store_that_lacks_a_field(path):
    with h5py.File(path, "r+") as file:
        del file["mask"]
    assert_refused(path, "not whole: it holds")
