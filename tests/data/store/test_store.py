"""A store gives back what was written, and is whole or not there."""

import json
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
from fewmask.data.preparation.rows import Row
from fewmask.data.store.hdf5 import QuietFile
from fewmask.data.store.store import FORMAT, Store
from fewmask.data.store.writer import StoreWriter
from tests.data.making import PALETTE, noise, reading

COUNT, HEIGHT, WIDTH = 6, 16, 12


def make_row(i: int, **changes) -> Row:
    values = {
        "name": f"image {i}",
        "subset": "test" if i % 2 else "",
        "size": (100 + i, 200),
        "extent": (HEIGHT - i, WIDTH),
        "image": noise(HEIGHT, WIDTH, 3, seed=i),
        "mask": noise(HEIGHT, WIDTH, below=3, seed=i),
        "category": i % 2,
    }
    return Row(**values | changes)


def write(path, rows, categories=("cat", "dog")):
    with StoreWriter(path, reading(), categories) as writer:
        for row in rows:
            writer.append(row)
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "mine.h5", map(make_row, range(COUNT)))


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
        for field in ("image", "mask"):
            assert np.array_equal(store.read(field), [getattr(row, field) for row in rows])


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
        assert (file["image"].compression, file["mask"].compression) == (None, "lzf")


TEXT = ("name", "subset")


def test_labelled_pixels_are_counted_by_class(tmp_path):
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    some = mask.copy()
    some[0, :5] = [0, 2, 2, 2, 255]
    rows = [make_row(0, mask=some), make_row(1, mask=mask)]
    with Store(write(tmp_path / "a.h5", rows)) as store:
        assert store.class_pixels.tolist() == [[1, 0, 3], [0, 0, 0]]
        assert store.labelled.tolist() == [True, False]
        assert (store.read("mask", [1]) == 255).all()


def test_depth_and_normal_are_kept_if_there(tmp_path):
    depth = np.random.default_rng(0).random((HEIGHT, WIDTH), np.float32)
    normal = np.random.default_rng(1).random((HEIGHT, WIDTH, 3), np.float32)
    rows = [make_row(i, truth={"depth": depth * i, "normal": normal}) for i in range(2)]
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


# --- The digest ------------------------------------------------------------------------------


def digest_of(path):
    with Store(path) as store:
        return store.digest


def test_equal_content_has_an_equal_digest(tmp_path, path):
    assert digest_of(write(tmp_path / "b.h5", map(make_row, range(COUNT)))) == digest_of(path)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "another"},
        {"subset": "train"},
        {"category": 1},
        {"extent": (1, 1)},
        {"size": (1, 1)},
        {"image": noise(HEIGHT, WIDTH, 3, seed=99)},
        {"mask": np.full((HEIGHT, WIDTH), 255, np.uint8)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_other_content_has_another_digest(tmp_path, change):
    digests = {
        digest_of(write(tmp_path / f"{name}.h5", [make_row(0), row]))
        for name, row in (("a", make_row(2)), ("b", make_row(2, **change)))
    }
    assert len(digests) == 2


def test_the_order_of_rows_is_content(tmp_path, path):
    backwards = write(tmp_path / "b.h5", map(make_row, reversed(range(COUNT))))
    assert digest_of(backwards) != digest_of(path)


def test_a_byte_that_is_not_kept_is_found_while_it_is_written(tmp_path, monkeypatch):
    write_all = QuietFile.write

    def write_with_a_fault(self, data):
        damaged = bytearray(data)
        if len(damaged) == make_row(0).image.nbytes + 4:  # a row and its checksum
            damaged[0] ^= 1
        return write_all(self, damaged)

    monkeypatch.setattr(QuietFile, "write", write_with_a_fault)
    with pytest.raises(FewmaskError, match=r"a\.h5: cannot be written: "):
        write(tmp_path / "a.h5", map(make_row, range(3)))
    assert not any(tmp_path.iterdir())


def test_verify_finds_a_changed_byte(path):
    with h5py.File(path, "r+") as file:
        file["image"][3, 0, 0, 0] ^= 1
    with Store(path) as store, pytest.raises(FewmaskError, match="does not match its digest"):
        store.verify()


# --- Whole or not there ----------------------------------------------------------------------


def test_an_error_leaves_nothing_and_keeps_the_old_file(tmp_path, path):
    before = path.read_bytes()

    def rows():
        yield make_row(0)
        raise KeyError

    with pytest.raises(KeyError):
        write(path, rows())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_final_name_appears_at_the_end(tmp_path):
    path = tmp_path / "new.h5"
    with StoreWriter(path, reading()) as writer:
        writer.append(make_row(0))
        assert not path.exists()
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_to_write(tmp_path):
    with pytest.raises(FewmaskError, match="there are no images to write"):
        write(tmp_path / "a.h5", [])
    assert not list(tmp_path.iterdir())


def test_rows_must_be_alike(tmp_path):
    other = make_row(1, image=noise(8, 8, 3))
    with pytest.raises(FewmaskError, match=r"image 1: found .*\(8, 8, 3\).*\n  expected: .*16, 12"):
        write(tmp_path / "a.h5", [make_row(0), other])


def test_a_class_beyond_the_last(tmp_path):
    wrong = make_row(0, mask=np.full((HEIGHT, WIDTH), 3, np.uint8))
    with pytest.raises(FewmaskError, match="image 0: the mask holds class 3\n  expected: 0 to 2"):
        write(tmp_path / "a.h5", [wrong])


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    code = """if True:
    import resource, signal, sys
    from pathlib import Path
    from fewmask.core.errors import FewmaskError
    from tests.data.store.test_store import make_row, write
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    try:
        write(Path(sys.argv[1]), map(make_row, range(1000)))
    except FewmaskError as error:
        print(error)
    """
    command = [sys.executable, "-c", code, str(tmp_path / "a.h5")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{tmp_path}/a.h5: cannot be written:" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FewmaskError, match=r"a\.h5: cannot be written: .*Not a directory|exists"):
        write(tmp_path / "file" / "a.h5", [make_row(0)])


# --- Damage ----------------------------------------------------------------------------------


def content(path):
    """All that a reader may ask for."""
    with Store(path) as store:
        told = (
            store.names, store.subsets, store.classes, store.categories, store.palette.tolist(),
            store.settings, store.fit, store.digest, store.labelled.tolist(), store.left_out,
        )  # fmt: skip
        return told, {field: store.read(field).tobytes() for field in store.fields}


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


def test_settings_that_are_none(tmp_path):
    with pytest.raises(FewmaskError, match="--settings: found JSONDecodeError"):
        StoreWriter(tmp_path / "a.h5", "no JSON")
    wrong = json.dumps(json.loads(reading()) | {"size": "large"})
    with pytest.raises(FewmaskError, match="size"):
        StoreWriter(tmp_path / "a.h5", wrong)
