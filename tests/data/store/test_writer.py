"""A store is whole or not there."""

import json
import subprocess
import sys

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.store.hdf5 import QuietFile
from fewmask.data.store.writer import StoreWriter
from tests.data.making import noise, reading
from tests.data.store.rows import HEIGHT, WIDTH, make_row, write


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
    with pytest.raises(
        FewmaskError, match=r"image 1: image: found uint8, 8 x 8 x 3\n  expected: .*16 x 12"
    ):
        write(tmp_path / "a.h5", [make_row(0), other])


def test_a_class_beyond_the_last(tmp_path):
    wrong = make_row(0, truth={"mask": np.full((HEIGHT, WIDTH), 3, np.uint8)})
    with pytest.raises(FewmaskError, match="image 0: the mask holds class 3\n  expected: 0 to 2"):
        write(tmp_path / "a.h5", [wrong])


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    code = """if True:
    import resource, signal, sys
    from pathlib import Path
    from fewmask.core.errors import FewmaskError
    from tests.data.store.rows import make_row, write
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


def test_settings_that_are_none(tmp_path):
    with pytest.raises(FewmaskError, match="--settings: found JSONDecodeError"):
        StoreWriter(tmp_path / "a.h5", "no JSON")
    wrong = json.dumps(json.loads(reading()) | {"size": "large"})
    with pytest.raises(FewmaskError, match="size"):
        StoreWriter(tmp_path / "a.h5", wrong)
