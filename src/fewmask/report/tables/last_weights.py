"""The selected weights beside those after the last step and their EMA."""

import pandas as pd

from fewmask.planning.requested import Requested
from fewmask.report.results.last_weights import KEY
from fewmask.report.tables.columns import by_fraction, seeds_text, spread_text, title, with_spread
from fewmask.report.tables.page import Table, TableRow
from fewmask.report.tables.statistics import over_seeds


def last_weights_summary(requested: Requested, last_weights: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds that are there.

    Returns:
        The columns dataset, method, fraction, weights, seeds, seeds_requested; then <name>_mean and
        <name>_std of the metrics. The mean is NaN where a run's value is undefined; the deviation
        also with one run.
    """
    return over_seeds(requested, last_weights, KEY)


def last_weights_table(requested: Requested, summary: pd.DataFrame) -> Table:
    """The summary as a table to be read; a sentence where no stage kept its last weights."""
    name = f"Selected and last weights: {requested.title}"
    if summary.empty:
        return Table(name, ["No stage of this experiment kept the weights after its last step."])
    spread = spread_text(requested)
    notes = [
        f"On the test images; {spread}. selected: the weights with the best value on the "
        "validation images, as in all other tables; last: those after the last step; "
        "last_ema: their exponential moving average.",
    ]
    shown = [metric for metric in requested.metrics if f"{metric}_mean" in summary]
    header = ["Dataset", "Fraction", "Method", "Weights", *map(title, shown), "Seeds"]
    rows = [_cells(requested, row, shown) for row in by_fraction(summary)]
    return Table(name, notes, header, "llll" + "r" * (len(shown) + 1), rows)


def _cells(requested: Requested, row: pd.Series, shown: list[str]) -> TableRow:
    values = [with_spread(name, row[f"{name}_mean"], row[f"{name}_std"]) for name in shown]
    return [
        row["dataset"],
        row["fraction"],
        requested.title_of(row["method"]),
        row["weights"],
        *values,
        seeds_text(row),
    ]
