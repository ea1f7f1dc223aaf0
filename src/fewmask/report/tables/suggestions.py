"""Masks of suggested images, compared with as many masks of random ones.

Both hold the masks of the fraction whose networks suggest, so that they differ in the others alone.
They are compared seed by seed and on the same test images, by the bootstrap draws of
`fewmask.report.results.bootstrap`.
"""

import numpy as np
import pandas as pd

from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested
from fewmask.report.results.bootstrap import Interval, Scores, interval, without_rounding
from fewmask.report.tables.columns import (
    Row,
    called,
    count_text,
    interval_text,
    number,
    rows_of,
    seeds_text,
    signed,
    title,
)
from fewmask.report.tables.page import Table, TableRow
from fewmask.report.tables.reference import first_columns, grid_cell
from fewmask.report.tables.statistics import CELL

COLUMNS = [
    *(*CELL, "metric", "masks", "random", "seeds", "seeds_requested"),
    *("score", "random_score", "difference", "difference_low", "difference_high"),
]


def suggestions(requested: Requested, summary: pd.DataFrame, scores: Scores) -> pd.DataFrame:
    """Every fraction of suggested images beside the one that has as many masks.

    Args:
        requested: the experiment.
        summary: what ``summary`` returns, for the numbers of masks.
        scores: what ``bootstrap`` returns.

    Returns:
        One row for every cell whose fraction is suggested, if another fraction of its dataset and
        method has the same number of masks: dataset, method, fraction; metric; masks; random, the
        other fraction; seeds, the number that both have in common, and seeds_requested; score and
        random_score, means over these; difference, score - random_score, with _low and _high, its
        95 % interval. NaN without a run; the interval also with one seed.
    """
    rows = []
    for cell in rows_of(summary):
        if cell["fraction"] in requested.suggestions:
            others = _with_as_many_masks(requested, summary, cell)
            rows += [_row(requested, scores, cell, other) for other in others]
    return pd.DataFrame(rows, columns=COLUMNS)


def _with_as_many_masks(requested: Requested, summary: pd.DataFrame, cell: Row) -> list[str]:
    """The fractions of random images that have as many masks as a cell."""
    is_alike = ~summary["fraction"].isin([*requested.suggestions])
    for column in ("dataset", "method", "masks"):
        is_alike &= (summary[column] == cell[column]).fillna(False)
    return list(summary["fraction"][is_alike])


def _row(requested: Requested, scores: Scores, cell: Row, random: str) -> dict[str, object]:
    own = grid_cell(cell)
    cells = [own, (*own[:2], random)]
    seeds = scores.seeds(cells)
    row = first_columns(requested, scores, cell, cells) | {"random": random}
    if not seeds:
        return row
    score, of_random = scores.means(cells, seeds)
    ends = Interval(np.nan, np.nan)
    if len(seeds) > 1:
        draws = scores.draws(cells, seeds)
        ends = interval(without_rounding(draws[:, 0] - draws[:, 1]))
    return row | {
        "score": score,
        "random_score": of_random,
        "difference": float(without_rounding(score - of_random)),
        "difference_low": ends.low,
        "difference_high": ends.high,
    }


def suggestions_table(requested: Requested, compared: pd.DataFrame, scores: Scores) -> Table:
    """The comparison as a table to be read; a sentence where there is nothing to compare."""
    name = f"Suggested and random images: {requested.title}"
    if compared.empty:
        nothing = "This experiment compares no masks of suggested images with as many random ones."
        return Table(name, [nothing])
    header = ["Dataset", "Fraction", "Masks", "Method", title(scores.metric), "As many random"]
    header += ["Difference", "95 % interval", "Seeds"]
    rows = [_cells(requested, row) for row in rows_of(compared)]
    return Table(name, scores.notes(), header, "llrlrrrrr", rows)


def suggestion_sentences(requested: Requested, compared: pd.DataFrame) -> list[str]:
    """What every row says."""
    return [_sentence(requested, row) for row in rows_of(compared)]


def _sentence(requested: Requested, row: Row) -> str:
    drawn = requested.suggestions[row["fraction"]]
    method = requested.title_of(row["method"])
    masks = f"masks of {drawn.count} images that networks suggest, on top of {drawn.fraction},"
    what = f"{row['dataset']}, {method}: {masks}"
    low, high = row["difference_low"], row["difference_high"]
    if pd.isna(low):
        return f"{what} cannot be compared with random ones yet."
    sign = 1 if metrics.find(row["metric"]).higher_is_better else -1
    if low <= 0 <= high:
        verdict = "cannot be told from"
    else:
        verdict = "are better than" if sign * low > 0 else "are worse than"
    difference = signed(row["metric"], row["difference"])
    ends = interval_text(row["metric"], low, high, signed)
    return f"{what} {verdict} random ones ({called(row['metric'])} {difference}, 95 % {ends})."


def _cells(requested: Requested, row: Row) -> TableRow:
    metric = row["metric"]
    return [
        *(row["dataset"], row["fraction"], count_text(row["masks"])),
        requested.title_of(row["method"]),
        number(metric, row["score"]),
        f"{number(metric, row['random_score'])} ({row['random']})",
        signed(metric, row["difference"]),
        interval_text(metric, row["difference_low"], row["difference_high"], signed),
        seeds_text(row),
    ]
