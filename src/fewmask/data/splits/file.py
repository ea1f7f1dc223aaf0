"""Split files, which say which images are labelled: CSV with a row for every image of a store.

Images that are left out have the role ``none``, so that a truncated file is recognised by the
images that it does not name. The group of an image is empty where the dataset has no groups.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole
from fewmask.data.splits.draw import ROLES

COLUMNS = ["name", "row", "role", "group"]
LEFT_OUT = "none"
MEND = "  mend: delete it and run the workflow again, which draws it anew"


def write(
    path: Path | str, names: list[str], roles: list[str], groups: list[str] | None = None
) -> None:
    """Write a split file; ``roles`` are those of `ROLES`, or "" for images that are left out."""
    images = enumerate(zip(names, roles, groups or [""] * len(names), strict=True))
    with (
        written_whole(Path(path)) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows([name, row, role or LEFT_OUT, one] for row, (name, role, one) in images)


def read(path: Path | str, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The rows of every role in a split file: int64, ascending; a role may be empty.

    Raises FewmaskError as `_read` does.
    """
    in_order = np.array([role for role, _ in _read(path, names)])
    return {role: np.flatnonzero(in_order == role) for role in ROLES}


def read_groups(path: Path | str, names: Sequence[str]) -> list[str]:
    """The group of every image in a split file, in the order of the rows; empty: it has none.

    Raises FewmaskError as `_read` does.
    """
    return [group for _, group in _read(path, names)]


def read_names(path: Path | str) -> dict[str, frozenset[str]]:
    """The names of the images of every role, where the store is not at hand.

    Raises FewmaskError: the file is missing or not such a table.
    """
    names: dict[str, set[str]] = {role: set() for role in (*ROLES, LEFT_OUT)}
    for where, cells in _lines(path):
        name, _, role, _ = _cells(cells, where)
        names[role].add(name)
    return {role: frozenset(of_role) for role, of_role in names.items()}


def digest_of_tested(roles: dict[str, np.ndarray]) -> str:
    """SHA-256 of the test images, which are the same for all fractions."""
    return hashlib.sha256(repr(roles["test"].tolist()).encode()).hexdigest()


def _read(path: Path | str, names: Sequence[str]) -> list[tuple[str, str]]:
    """The role and the group of every image, in the order of the rows.

    Args:
        path: the file.
        names: of all images of the store, in the order of their rows.

    Raises:
        FewmaskError: the file is missing or not such a table, or it does not name every image of
            the store exactly once, in its row.
    """
    found: dict[int, tuple[str, str]] = {}
    for where, cells in _lines(path):
        name, row, *rest = _cells(cells, where)
        if row in found:
            raise FewmaskError(f"{where}: row {row} occurs twice\n{MEND}")
        if row >= len(names) or names[row] != name:
            there = f"which is {names[row]}" if row < len(names) else f"of only {len(names)}"
            raise FewmaskError(
                f"{where}: it is of another dataset, or was changed\n"
                f"  found: {name[:80]!r} in row {row}, {there} in the dataset\n{MEND}"
            )
        found[row] = (rest[0], rest[1])
    if len(found) < len(names):
        missing = next(row for row in range(len(names)) if row not in found)
        raise FewmaskError(
            f"{path}: not whole\n  found: {len(found)} of the dataset's {len(names)} images; "
            f"{names[missing]} (row {missing}) is missing\n{MEND}"
        )
    return [found[row] for row in range(len(names))]


def _lines(path: Path | str) -> Iterator[tuple[str, list[str]]]:
    """The cells of every line after the first, each with its place in the file."""
    try:
        table = csv.reader(io.StringIO(Path(path).read_text(encoding="utf-8"), newline=""))
        if next(table, None) != COLUMNS:
            raise FewmaskError(f"{path}: the columns must be {','.join(COLUMNS)}\n{MEND}")
        for cells in table:
            yield f"{path}, line {table.line_num}", cells
    except FileNotFoundError:
        raise FewmaskError(f"{path}: no such file\n  mend: run the workflow") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FewmaskError(f"{path}: cannot be read as a split: {error}\n{MEND}") from None


def _cells(cells: list[str], where: str) -> tuple[str, int, str, str]:
    if len(cells) != len(COLUMNS):
        raise FewmaskError(f"{where}: {len(cells)} cells; expected {','.join(COLUMNS)}\n{MEND}")
    name, row, role, group = cells
    if not re.fullmatch(r"\d{1,18}", row, re.ASCII):
        raise FewmaskError(f"{where}: the row is '{row}'; expected a number from 0\n{MEND}")
    if role not in (*ROLES, LEFT_OUT):
        known = ", ".join((*ROLES, LEFT_OUT))
        raise FewmaskError(f"{where}: the role is '{role}'; expected one of {known}\n{MEND}")
    return name, int(row), role, group
