"""Settings of what a paper reports, to be shown beside what is measured."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from fewmask.config.cells import Cells, Fraction
from fewmask.config.settings import Line, Settings


def _mean_and_spread(value: object) -> object:
    """A mean, or a mean and its standard deviation, as a pair."""
    if isinstance(value, list | tuple) and len(value) in (1, 2):
        return (*value, None)[:2]
    if isinstance(value, int | float):
        return (value, None)
    raise ValueError("expected a mean (0.865), or it and its standard deviation ([0.865, 0.011])")


PublishedValue = Annotated[
    tuple[float, float | None],
    BeforeValidator(_mean_and_spread, json_schema_input_type=float | tuple[float, float]),
]


class PublishedValues(Settings):
    """The published values of some cells of the grid."""

    when: Cells = Cells()
    values: dict[str, PublishedValue]
    """By metric: a mean, or a mean and its standard deviation; shares are written 0.865."""


class PublishedMethod(Settings):
    """A method that is not in the grid, and what was published of it."""

    method: Line
    """What tables call it."""
    values: dict[Fraction, dict[str, PublishedValue]] = Field(min_length=1)
    """By fraction and metric."""


class Published(Settings):
    """The values that a paper reports, to be shown beside this experiment's own."""

    source: Line
    """The paper and the table in it, for the note under the tables."""
    remark: Line = ""
    """What a reader must know to compare the values: a sentence for that note."""
    values: list[PublishedValues] = []
    """The values by cell; a later entry replaces values of an earlier one."""
    others: list[PublishedMethod] = []
    """Methods that are not in the grid: rows of the summary with nothing but published values."""

    def of(self, **cell: str) -> dict[str, PublishedValue]:
        """The published values of a cell of the grid, by metric."""
        of_cell: dict[str, PublishedValue] = {}
        for entry in self.values:
            if entry.when.selects(**cell):
                of_cell |= entry.values
        return of_cell
