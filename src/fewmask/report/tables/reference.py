"""What the tables that compare methods with the reference method have in common."""

from collections.abc import Container, Iterator

import pandas as pd

from fewmask.planning.requested import Requested
from fewmask.report.results.bootstrap import GridCell, Scores
from fewmask.report.tables.columns import Row, rows_of
from fewmask.report.tables.statistics import CELL

FIRST_COLUMNS = (*CELL, "reference", "metric", "masks", "seeds", "seeds_requested")


def compared_cells(summary: pd.DataFrame, scores: Scores, but: Container[str]) -> Iterator[Row]:
    """The rows of a summary whose method has the metric and is none of ``but``."""
    measured = scores.measured()
    for cell in rows_of(summary):
        if cell["method"] not in but and (cell["dataset"], cell["method"]) in measured:
            yield cell


def grid_cell(row: Row) -> GridCell:
    """The cell of the grid that a row is of."""
    return row["dataset"], row["method"], row["fraction"]


def first_columns(
    requested: Requested, scores: Scores, cell: Row, compared: list[GridCell]
) -> dict[str, object]:
    """The first columns of a cell's row: the cell, the reference, the metric, and the seeds that
    all cells have which are ``compared``."""
    asked = [set(requested.seeds_of(*one)) for one in compared]
    # A seed of the scores stands for all folds of a draw of masks.
    folds = scores.folds.get(cell["dataset"], 1)
    return {
        **{name: cell[name] for name in CELL},
        "reference": requested.compared_with,
        "metric": scores.metric,
        "masks": cell["masks"],
        "seeds": len(scores.seeds(compared)) * folds,
        "seeds_requested": len(set.intersection(*asked)),
    }
