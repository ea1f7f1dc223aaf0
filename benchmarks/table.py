"""Figures as a table for people, and as JSON for programs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure

HEADER = ("benchmark", "what", "against", "median", "quartiles", "turns", "target", "")


def markdown(figures: Iterable[tuple[str, Figure]]) -> str:
    """A Markdown table, its columns aligned; ``figures`` with the names of their benchmarks."""
    rows = [HEADER, *(_row(name, figure) for name, figure in figures)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows)


def as_json(figures: Iterable[tuple[str, Figure]]) -> list[dict[str, Any]]:
    """One entry a figure, with all its values."""
    return [
        {
            "benchmark": name,
            "what": figure.what,
            "against": figure.against,
            "unit": figure.unit,
            "values": list(figure.values),
            "median": figure.median,
            "spread": list(figure.spread),
            "target": figure.target,
            "at_most": figure.at_most,
            "reached": figure.reached,
            "details": dict(figure.details),
        }
        for name, figure in figures
    ]


def write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON, and the folders that lead to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1))


def _row(name: str, figure: Figure) -> tuple[str, ...]:
    low, high = figure.spread
    target = "" if figure.target is None else f"{'≤' if figure.at_most else '≥'} {figure.target:g}"
    return (
        name,
        figure.what,
        figure.against,
        f"{figure.median:.3g} {figure.unit}",
        f"{low:.3g} to {high:.3g}",
        str(len(figure.values)),
        target,
        {None: "", True: "reached", False: "missed"}[figure.reached],
    )
