"""Rows of cells as text in aligned columns, for the terminal and for Markdown."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len


def padded(rows: Sequence[Sequence[str]], sides: str = "") -> list[list[str]]:
    """Every cell, padded to the width that its column takes on a terminal.

    ``sides``: ``l`` or ``r`` for every column, the side that it is aligned to; all left by default.
    """
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    sides = sides or "l" * len(widths)
    return [[_pad(*cell) for cell in zip(row, widths, sides, strict=True)] for row in rows]


def _pad(text: str, width: int, side: str) -> str:
    space = " " * (width - cell_len(text))
    return text + space if side == "l" else space + text


def aligned(rows: Iterable[Sequence[str]], sides: str = "") -> list[str]:
    """A line per row, for the terminal; ``sides`` as in `padded`."""
    return ["  ".join(row).rstrip() for row in padded(list(rows), sides)]
