"""The images of a pool whose masks would help most, as a table."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole
from fewmask.core.progress import bar
from fewmask.inference.suggestions.order import weighted_k_centre
from fewmask.inference.suggestions.pool import Pool
from fewmask.inference.suggestions.scores import score
from fewmask.inference.trained import Trained


@dataclass(frozen=True)
class Suggestion:
    """An image that was chosen."""

    number: int
    """Its number in the pool."""
    name: str
    uncertainty: float
    """Of the committee, the mean over the pixels."""
    distance: float
    """Of its features to those of the nearest image that is known or was chosen before; infinite
    if there was none."""


def choose(pool: Pool, committee: Trained, count: int) -> list[Suggestion]:
    """``count`` images of a pool in the order of their worth, or all if there are no more.

    The network of ``committee`` is a `Committee`. Raises FewmaskError: no image can be read.
    """
    with bar("compare", len(pool.free) + len(pool.known)) as shown:
        scores = score(committee, len(pool.names), pool.parts(), shown)
    free = pool.free[np.isfinite(scores.disagreement[pool.free])]
    if not len(free):
        raise FewmaskError(f"none of the {len(pool.free)} images can be read")
    order, distances = weighted_k_centre(
        scores.features[free],
        scores.disagreement[free],
        scores.features[pool.known],
        min(count, len(free)),
    )
    return [
        Suggestion(number, pool.names[number], float(scores.disagreement[number]), distance)
        for number, distance in zip(free[order].tolist(), distances, strict=True)
    ]


def write_table(path: Path, suggestions: Sequence[Suggestion], networks: int) -> None:
    """Write suggestions as a CSV, with the disagreement of so many networks, or the entropy of
    one."""
    with (
        written_whole(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["rank", "name", "disagreement" if networks > 1 else "entropy", "distance"])
        for rank, one in enumerate(suggestions, start=1):
            table.writerow([rank, one.name, f"{one.uncertainty:.6f}", f"{one.distance:.6f}"])
