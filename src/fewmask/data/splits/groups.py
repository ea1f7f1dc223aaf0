"""The groups of images: by a pattern of their names, or by a table."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fewmask.config.groups import Groups, GroupTable
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_files import is_inside


def groups_of(names: Sequence[str], requested: Groups, root: Path) -> list[str]:
    """The group of every image.

    Args:
        names: of the images.
        requested: what says which group an image belongs to.
        root: the folder of the dataset.

    Raises:
        FewmaskError: an image has no group, or the table cannot be read.
    """
    if isinstance(requested, GroupTable):
        return _in_table(names, root / requested.file, root, requested.column)
    matches = [re.search(requested, name) for name in names]
    groups = [match.group(1) or "" if match else "" for match in matches]
    if without := [name for name, group in zip(names, groups, strict=True) if not group]:
        raise FewmaskError(
            f"split.groups: {requested} names no group of {len(without):,} of the {len(names):,} "
            f"images: {_some(without)}\n"
            f"  expected: a pattern that matches every name, with the group in its first "
            f"parentheses\n"
            f"  mend: correct the pattern, or name the groups in a table: {{file: ..., column: "
            f"...}}"
        )
    return groups


def _in_table(names: Sequence[str], path: Path, root: Path, column: str) -> list[str]:
    known = {*names}
    groups: dict[str, str] = {}
    for place, cell, group in _lines(path, root, column):
        name = next((form for form in _forms(cell) if form in known), cell)
        if not group:
            raise FewmaskError(f"{place}: the column {column} is empty\n  mend: name a group")
        if groups.setdefault(name, group) != group:
            raise FewmaskError(
                f"{place}: {name} is of the group {groups[name]} in a line above, and of {group} "
                f"here\n  mend: remove one of the lines"
            )
    if without := [name for name in names if name not in groups]:
        raise FewmaskError(
            f"{path}: no line for {len(without):,} of the {len(names):,} images: {_some(without)}\n"
            f"  found: lines for {_some(list(groups)) or 'nothing'}\n"
            f"  mend: add a line for each, with the image in the first column"
        )
    return [groups[name] for name in names]


def _lines(path: Path, root: Path, column: str) -> list[tuple[str, str, str]]:
    """The place, the image and the group of every line of a table."""
    if not is_inside(path, root):
        raise FewmaskError(
            f"{path}: found a file outside the dataset's folder\n"
            f"  expected: a file in {root}\n  mend: copy it into the folder"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        first, *table = csv.reader(io.StringIO(text or "\n", newline=""), strict=True)
    except FileNotFoundError:
        raise FewmaskError(
            f"{path}: no such file\n  mend: put the table there, or correct split.groups.file"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FewmaskError(
            f"{path}: cannot be read as a table: {error}\n"
            f"  expected: CSV in UTF-8, with the names of the columns in the first line"
        ) from None
    if column not in first[1:]:
        raise FewmaskError(
            f"{path}: split.groups.column: there is no column {column} besides the first, which "
            f"names the images\n  found: {', '.join(first) or 'nothing'}\n  mend: correct the name"
        )
    place = first.index(column, 1)
    return [
        (f"{path}, line {number}", cells[0].strip(), "".join(cells[place : place + 1]).strip())
        for number, cells in enumerate(table, start=2)
        if any(cells)
    ]


def _forms(cell: str) -> tuple[str, ...]:
    """What a table may call an image: its name, or a path to its file."""
    path = PurePosixPath(cell)
    return cell, path.with_suffix("").as_posix() if path.name else cell, path.name, path.stem


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
