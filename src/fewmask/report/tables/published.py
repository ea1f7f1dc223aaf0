"""Published values beside measured ones: the difference, and whether it may be due to chance."""

import numpy as np
import pandas as pd

from fewmask.planning.requested import Requested
from fewmask.report.results.bootstrap import Interval, Scores, bootstrap, interval, without_rounding
from fewmask.report.tables.columns import (
    interval_text,
    masks_text,
    number,
    seeds_text,
    signed,
    title,
    with_spread,
)
from fewmask.report.tables.comparison import NO_RUN, ONE_SEED
from fewmask.report.tables.page import Table, TableRow
from fewmask.report.tables.statistics import CELL
from fewmask.report.tables.summary import sentence

INSIDE, ABOVE, BELOW = "inside the interval", "above the interval", "below the interval"

COLUMNS = [
    *("dataset", "method", "fraction", "metric", "masks", "seeds", "seeds_requested"),
    *("measured", "measured_std", "measured_low", "measured_high", "published", "published_std"),
    *("difference", "published_is"),
]


def published(requested: Requested, summary: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Every value that the experiment's ``published`` lists, beside the measured one.

    Args:
        requested: the experiment.
        summary: what ``summary`` returns.
        runs: what ``collect`` returns.

    Returns:
        One row for every cell and metric, in the order of the experiment: dataset, method,
        fraction; metric, masks; seeds, seeds_requested; measured and measured_std, mean and
        sample standard deviation over seeds, with _low and _high, the 95 % interval of the mean
        over seeds and test images; published and published_std; difference, measured - published;
        and published_is: where it lies, ``inside the interval``, ``above`` or ``below`` it, or
        ``one seed``, where no interval is known, or ``no run``. NaN where a value is unknown.
    """
    pairs = [
        (row, metric)
        for _, row in summary.iterrows()
        for metric in [*requested.metrics, *_others(requested, summary)]
        if not pd.isna(row.get(f"{metric}_published"))
    ]
    scores = {metric: _scores(requested, runs, pairs, metric) for _, metric in pairs}
    rows = [_row(row, metric, scores[metric]) for row, metric in pairs]
    return pd.DataFrame(rows, columns=COLUMNS)


def _others(requested: Requested, summary: pd.DataFrame) -> list[str]:
    """The metrics with a published value that the other tables do not show."""
    ending = "_published"
    named = [name.removesuffix(ending) for name in summary if name.endswith(ending)]
    return [metric for metric in named if metric not in requested.metrics]


def _scores(
    requested: Requested, runs: pd.DataFrame, pairs: list[tuple[pd.Series, str]], metric: str
) -> Scores:
    """The bootstrap of the runs for which a value of this metric was published."""
    cells = {tuple(row[CELL]) for row, of_metric in pairs if of_metric == metric}
    is_published = [cell in cells for cell in runs[CELL].itertuples(index=False, name=None)]
    return bootstrap(requested, runs[is_published], metric)


def _row(row: pd.Series, metric: str, scores: Scores) -> dict[str, object]:
    measured, stated = row.get(f"{metric}_mean", np.nan), row[f"{metric}_published"]
    cell = tuple(row[CELL])
    seeds = scores.seeds([cell])
    ends = Interval(np.nan, np.nan)
    if len(seeds) > 1 and not pd.isna(measured):
        ends = interval(scores.draws([cell], seeds)[:, 0])
    return {
        **row[[*CELL, "masks", "seeds", "seeds_requested"]],
        "metric": metric,
        "measured": measured,
        "measured_std": row.get(f"{metric}_std", np.nan),
        "measured_low": ends.low,
        "measured_high": ends.high,
        "published": stated,
        "published_std": row[f"{metric}_published_std"],
        "difference": float(without_rounding(measured - stated)),
        "published_is": _place(stated, ends, measured),
    }


def _place(stated: float, ends: Interval, measured: float) -> str:
    if pd.isna(measured):
        return NO_RUN
    if pd.isna(ends.low):
        return ONE_SEED
    if without_rounding(stated - ends.high) > 0:
        return ABOVE
    return BELOW if without_rounding(ends.low - stated) > 0 else INSIDE


def published_table(requested: Requested, compared: pd.DataFrame) -> Table:
    """The comparison as a table to be read; a sentence where nothing was published."""
    name = f"Published beside measured: {requested.title}"
    if compared.empty:
        return Table(name, ["This experiment lists no published values."])
    header = ["Dataset", "Fraction", "Masks", "Method", "Metric", "Measured", "95 % interval"]
    header += ["Published", "Difference", "Published is", "Seeds"]
    rows = [_cells(requested, row) for _, row in compared.iterrows()]
    notes = [
        sentence(f"Published: {requested.published.source}"),
        sentence(requested.published.remark),
        "Measured: mean ± sample standard deviation over seeds, on the test set; models are "
        "selected on the validation set.",
        "95 % interval: of the mean, by a bootstrap over seeds and test images; it does not "
        "account for the variation of the published value itself.",
        "Difference: measured - published.",
    ]
    return Table(name, [note for note in notes if note], header, "llrllrrrrlr", rows)


def _cells(requested: Requested, row: pd.Series) -> TableRow:
    metric = row["metric"]
    return [
        *(row["dataset"], row["fraction"], masks_text(requested, row)),
        requested.title_of(row["method"]),
        title(metric),
        with_spread(metric, row["measured"], row["measured_std"]),
        interval_text(metric, row["measured_low"], row["measured_high"], number),
        with_spread(metric, row["published"], row["published_std"]),
        signed(metric, row["difference"]),
        row["published_is"],
        seeds_text(row),
    ]
