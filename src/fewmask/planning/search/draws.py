"""The settings of trials: points of a scrambled Sobol sequence (Sobol 1967, Owen 1998)."""

from functools import cache
from typing import Any

from fewmask.config.changes import Changes
from fewmask.config.ranges import Ranges
from fewmask.core.seeds import derive

DIMENSIONS = 4096


def draw(ranges: Ranges, trials: int) -> list[Changes]:
    """The changes of so many trials. The first one is the method as it is written: none.

    The dimension of the sequence that a setting follows depends on its name alone, so that trial k
    has the same value of it in every method whose range is the same, whatever else that searches.
    More trials leave the earlier ones as they are.
    """
    columns = _columns(ranges)
    points = _points(max(trials - 1, 1).bit_length())
    return [
        {name: one.at(points[k][columns[name]]) for name, one in ranges.items()} if k else {}
        for k in range(trials)
    ]


def _columns(ranges: Ranges) -> dict[str, int]:
    """The dimension of every setting; the next one for a setting whose dimension is taken."""
    columns: dict[str, int] = {}
    for name in sorted(ranges):
        column = derive("search", name) % DIMENSIONS
        while column in columns.values():
            column = (column + 1) % DIMENSIONS
        columns[name] = column
    return columns


@cache
def _points(exponent: int) -> Any:
    """The first 2 ** exponent points, in [0, 1)."""
    from scipy.stats import qmc  # takes a second, which only experiments with a search spend

    return qmc.Sobol(DIMENSIONS, rng=derive("search")).random_base2(exponent)
