"""Split files: what is written is read, and what a store does not agree with is refused."""

import random
from pathlib import Path

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.splits.file import digest_of_tested, read, write

NAMES = ["a", "b, c", 'd "e"', "é\nf", "g", "h"]
ROLES = ["test", "labelled", "", "unlabelled", "labelled", "validation"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "0.1/3.csv", NAMES, ROLES)
    return tmp_path / "0.1/3.csv"


def test_read_gives_what_write_was_given(path: Path):
    assert path.read_text(encoding="utf-8").startswith("name,row,role,group\na,0,test,\n")
    assert [file.name for file in path.parent.iterdir()] == ["3.csv"]
    found = read(path, NAMES)
    assert {role: found[role].tolist() for role in found} == {
        "labelled": [1, 4],
        "unlabelled": [3],
        "validation": [5],
        "test": [0],
    }
    assert all(found[role].dtype == np.int64 for role in found)


def test_the_order_of_lines_does_not_matter(tmp_path: Path):
    path = tmp_path / "split.csv"
    path.write_text("name,row,role,group\nb,1,test,\na,0,test,\n")
    assert read(path, ["a", "b"])["test"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns must be name,row,role,group"),
        ("name,role\na,test\n", "columns must be name,row,role,group"),
        ("name,row,role,group\na,0\n", "line 2: 2 cells"),
        ("name,row,role,group\na,-1,test,\n", "line 2: the row is '-1'"),
        ("name,row,role,group\na,0,tset,\n", "line 2: the role is 'tset'"),
        ("name,row,role,group\na,0,test,\na,0,labelled,\n", "line 3: row 0 occurs twice"),
        ("name,row,role,group\na,9999,test,\n", "found: 'a' in row 9999, of only 2 in the dataset"),
        ("name,row,role,group\na,1,test,\n", "found: 'a' in row 1, which is b in the dataset"),
        (
            "name,row,role,group\nb,1,test,\n",
            r"found: 1 of the dataset's 2 images; a \(row 0\) is mis",
        ),
        ("name,row,role,group\n", "not whole"),
        ('name,row,role,group\n"a,0,test,\n', "line 2: 1 cells"),
        ("name,row,role,group\na\0,0,test,\n", r"found: 'a.x00' in row 0"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, text: str, message: str):
    path = tmp_path / "split.csv"
    path.write_text(text)
    with pytest.raises(FewmaskError, match=message) as error:
        read(path, ["a", "b"])
    assert "mend: delete it and run the workflow again" in str(error.value)


def test_bytes_that_are_no_text_and_no_file_are_told(tmp_path: Path):
    path = tmp_path / "split.csv"
    with pytest.raises(FewmaskError, match="no such file"):
        read(path, ["a"])
    path.write_bytes(b"name,row,role,group\n\xff,0,test,\n")
    with pytest.raises(FewmaskError, match="cannot be read as a split"):
        read(path, ["a"])


def test_wherever_a_file_is_cut_it_is_refused(path: Path):
    whole = path.read_bytes()
    for length in range(len(whole) - 1):  # without the last newline nothing is lost
        path.write_bytes(whole[:length])
        with pytest.raises(FewmaskError):
            read(path, NAMES)


def test_a_changed_byte_is_refused_or_only_changes_roles(path: Path):
    whole, draw = path.read_bytes(), random.Random(0)
    for _ in range(300):
        changed = bytearray(whole)
        changed[draw.randrange(len(whole))] = draw.randrange(256)
        path.write_bytes(changed)
        try:
            found = read(path, NAMES)
        except FewmaskError:
            continue
        assert sum(len(rows) for rows in found.values()) == 5


def test_the_digest_of_who_is_tested_on_knows_no_labels(path: Path):
    found = read(path, NAMES)
    digest = digest_of_tested(found)
    assert digest_of_tested(found | {"labelled": found["unlabelled"]}) == digest
    assert digest_of_tested(found | {"validation": found["unlabelled"]}) == digest
    assert digest_of_tested(found | {"test": found["validation"]}) != digest
    assert digest_of_tested(found | {"test": found["test"][:0]}) != digest
