"""Measurements as a table for people and as JSON for programs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.measurement import Measurement

HEADER = ("benchmark", "what", "against", "median", "quartiles", "turns", "target", "")


def markdown(measurements: Iterable[tuple[str, Measurement]]) -> str:
    """A Markdown table with aligned columns; ``measurements`` with the names of their
    benchmarks."""
    rows = [HEADER, *(_row(name, measurement) for name, measurement in measurements)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows)


def as_json(measurements: Iterable[tuple[str, Measurement]]) -> list[dict[str, Any]]:
    """One entry for every measurement, with all its values."""
    return [
        {
            "benchmark": name,
            "what": measurement.what,
            "against": measurement.against,
            "unit": measurement.unit,
            "values": list(measurement.values),
            "median": measurement.median,
            "spread": list(measurement.spread),
            "target": measurement.target,
            "at_most": measurement.at_most,
            "reached": measurement.reached,
            "details": dict(measurement.details),
        }
        for name, measurement in measurements
    ]


def write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON, and make the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1))


def _row(name: str, measurement: Measurement) -> tuple[str, ...]:
    low, high = measurement.spread
    target = (
        ""
        if measurement.target is None
        else f"{'≤' if measurement.at_most else '≥'} {measurement.target:g}"
    )
    return (
        name,
        measurement.what,
        measurement.against,
        f"{measurement.median:.3g} {measurement.unit}",
        f"{low:.3g} to {high:.3g}",
        str(len(measurement.values)),
        target,
        {None: "", True: "reached", False: "missed"}[measurement.reached],
    )
