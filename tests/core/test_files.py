"""Files are whole or not there, and what killed writers left goes."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from fewmask.core.errors import FewmaskError
from fewmask.core.files import remove_leftovers, written_whole
from tests import processes


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text)


def write_half_and_die(path: Path) -> None:
    with written_whole(path) as temporary:
        temporary.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


def test_an_error_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "new" / "table.csv"
    write(path, "old")
    with suppress(KeyError), written_whole(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "old"
    assert names(path.parent) == ["table.csv"]


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path: Path):
    foreign = [".nfs0000000001", ".table.swp", ".table.4711.csv", ".other.x.partial"]
    for name in foreign:
        (tmp_path / name).touch()
    (tmp_path / ".ipynb_checkpoints").mkdir()
    assert processes.run(lambda: write_half_and_die(tmp_path / "table.csv")) < 0
    assert processes.run(lambda: write_half_and_die(tmp_path / "another.csv")) < 0
    left = [name for name in names(tmp_path) if ".partial.csv" in name]
    assert len(left) == 2
    write(tmp_path / "table.csv", "whole")
    others = [name for name in left if name.startswith(".another.")]
    assert names(tmp_path) == sorted([*foreign, ".ipynb_checkpoints", *others, "table.csv"])
    remove_leftovers(tmp_path)
    assert not set(others) & set(names(tmp_path))


def test_a_writer_that_lives_is_left_alone(tmp_path: Path):
    path, go_on = tmp_path / "table.csv", tmp_path / "go on"

    def write_slowly() -> None:
        with written_whole(path) as temporary:
            temporary.write_text("slowly")
            while not go_on.exists():
                time.sleep(0.01)

    slow = processes.start(write_slowly)
    while not list(tmp_path.glob(".table.*")):
        time.sleep(0.01)
    assert processes.run(lambda: write(path, "fast")) == 0
    assert processes.run(lambda: remove_leftovers(tmp_path)) == 0
    assert path.read_text() == "fast"
    go_on.touch()
    slow.join()
    assert slow.exitcode == 0
    assert path.read_text() == "slowly"
    assert names(tmp_path) == ["go on", "table.csv"]


def test_a_long_name(tmp_path: Path):
    path = tmp_path / f"{'ä' * 125}.csv"  # 254 bytes; a name may have 255
    write(path, "whole")
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("place", ["file/table.csv", "folder"])
def test_something_else_is_in_the_way(tmp_path: Path, place: str):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(FewmaskError, match="mend: move away what is in its place"):
        write(tmp_path / place, "text")
    assert names(tmp_path) == ["file", "folder"]
