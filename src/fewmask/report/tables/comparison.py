"""Is it better? Every method compared with the reference, at the same number of labels.

Runs of one seed share their masks, so methods are compared seed by seed, and on the same
test images: the statistic is the mean over seeds of the differences. Intervals and probabilities
come from its bootstrap draws (`fewmask.report.results.bootstrap`). A verdict takes into account how
many methods are compared at a fraction (`fewmask.report.results.simultaneous`).
"""

import numpy as np
import pandas as pd

from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested
from fewmask.report.results.bootstrap import (
    GridCell,
    Interval,
    Scores,
    interval,
    without_rounding,
)
from fewmask.report.results.simultaneous import simultaneous
from fewmask.report.tables.columns import (
    NOTHING,
    Row,
    by_fraction,
    called,
    interval_text,
    masks_text,
    number,
    search_notes,
    seeds_text,
    signed,
    title,
)
from fewmask.report.tables.page import Table, TableRow
from fewmask.report.tables.reference import (
    FIRST_COLUMNS,
    compared_cells,
    first_columns,
    grid_cell,
)
from fewmask.report.tables.statistics import CELL

BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"
ONE_SEED, NO_RUN = "one seed", "no run"
MARKS = {BETTER: "↑", WORSE: "↓"}

COLUMNS = [
    *FIRST_COLUMNS,
    *("score", "reference_score", "difference", "difference_low", "difference_high"),
    *("corrected_low", "corrected_high", "probability_better", "verdict"),
]
UNKNOWN = Interval(np.nan, np.nan)


def comparison(requested: Requested, summary: pd.DataFrame, scores: Scores) -> pd.DataFrame:
    """Every method but the reference, compared with it.

    Args:
        requested: the experiment.
        summary: what ``summary`` returns, for the numbers of masks.
        scores: what ``bootstrap`` returns.

    Returns:
        One row for every cell whose method has the metric, in the order of the experiment: dataset,
        method, fraction; reference, metric, masks; seeds, the number that both methods have in
        common, and seeds_requested; score and reference_score, means over these; difference, score
        - reference_score, with _low and _high, its 95 % interval, and corrected_low and _high, the
        interval that holds together with those of all methods at that fraction, upper bounds left
        out; probability_better, the share of draws in which the method is better, half of those
        without a difference included; verdict: ``better`` or ``worse`` where the corrected interval
        excludes 0, ``undecided`` where it does not or where fewer than two seeds have all methods,
        ``one seed`` without an interval, ``no run``. NaN where a value is unknown.
    """
    cells = list(compared_cells(summary, scores, but=[requested.compared_with]))
    corrected = _corrected(requested, scores, list(map(grid_cell, cells)))
    rows = [_row(requested, scores, cell, corrected) for cell in cells]
    return pd.DataFrame(rows, columns=COLUMNS)


def _corrected(
    requested: Requested, scores: Scores, cells: list[GridCell]
) -> dict[GridCell, Interval]:
    """The corrected interval of every difference from the reference at the same fraction."""
    intervals = {}
    for dataset, fraction in dict.fromkeys((dataset, fraction) for dataset, _, fraction in cells):
        own = [cell for cell in cells if (cell[0], cell[2]) == (dataset, fraction)]
        bounds = [[cell] for cell in own if cell[1] in requested.all_masks]
        compared = [c for c in own if c[1] not in requested.all_masks and c in scores.of_seeds]
        for family in (compared, *bounds):
            with_reference = [*family, (dataset, requested.compared_with, fraction)]
            seeds = scores.seeds(with_reference)
            if family and len(seeds) > 1:
                observed = _from_the_last(scores.means(with_reference, seeds))
                draws = _from_the_last(scores.draws(with_reference, seeds))
                intervals |= zip(family, simultaneous(draws, observed), strict=True)
    return intervals


def _from_the_last(values: np.ndarray) -> np.ndarray:
    """Differences of scores from the last one, (..., C) to (..., C - 1)."""
    return without_rounding(values[..., :-1] - values[..., -1:])


def _row(
    requested: Requested, scores: Scores, cell: Row, corrected: dict[GridCell, Interval]
) -> dict[str, object]:
    dataset, _, fraction = own = grid_cell(cell)
    cells = [own, (dataset, requested.compared_with, fraction)]
    seeds = scores.seeds(cells)
    row = first_columns(requested, scores, cell, cells)
    if not seeds:
        return row | {"verdict": NO_RUN}
    score, reference = scores.means(cells, seeds)
    difference = float(without_rounding(score - reference))
    row |= {"score": score, "reference_score": reference, "difference": difference}
    if len(seeds) == 1:
        return row | {"verdict": ONE_SEED}
    of_both = scores.draws(cells, seeds)
    differences = without_rounding(of_both[:, 0] - of_both[:, 1])
    higher_is_better = metrics.find(scores.metric).higher_is_better
    return row | _judged(differences, corrected.get(own, UNKNOWN), higher_is_better)


def _judged(
    differences: np.ndarray, corrected: Interval, higher_is_better: bool
) -> dict[str, object]:
    """The interval, the probability and the verdict of draws of a difference, float (D,)."""
    low, high = interval(differences)
    # A method may have seeds that other methods lack, and so more than all of them together.
    corrected = Interval(np.minimum(low, corrected.low), np.maximum(high, corrected.high))
    gains = differences if higher_is_better else -differences
    gains = gains[~np.isnan(gains)]
    verdict = UNDECIDED
    if corrected.low > 0 or corrected.high < 0:
        verdict = BETTER if (corrected.low > 0) == higher_is_better else WORSE
    return {
        "difference_low": low,
        "difference_high": high,
        "corrected_low": corrected.low,
        "corrected_high": corrected.high,
        "probability_better": np.mean(gains > 0) + np.mean(gains == 0) / 2,
        "verdict": verdict,
    }


def with_marks(summary: pd.DataFrame, compared: pd.DataFrame) -> pd.DataFrame:
    """The summary with a column ``mark``, an arrow where a method is better or worse, if any is."""
    marks = compared["verdict"].map(MARKS)
    if marks.isna().all():
        return summary
    cells = compared[CELL].itertuples(index=False, name=None)
    of_cells = dict(zip(cells, marks.fillna(""), strict=True))
    shown = summary[CELL].itertuples(index=False, name=None)
    return summary.assign(mark=[of_cells.get(cell, "") for cell in shown])


def comparison_table(requested: Requested, compared: pd.DataFrame, scores: Scores) -> Table:
    """The comparison as a table to be read."""
    unit = {"%": "% points"}.get(metrics.find(scores.metric).unit, metrics.find(scores.metric).unit)
    difference = f"Difference ({unit})" if unit else "Difference"
    header = ["Dataset", "Fraction", "Masks", "Method", title(scores.metric), difference]
    header += ["95 % interval", "Corrected", "Probability", "Verdict", "Seeds"]
    rows = [_cells(requested, row) for row in by_fraction(compared)]
    notes = _notes(requested, compared, scores)
    return Table(f"Is it better? {requested.title}", notes, header, "llrlrrrrrlr", rows)


def _notes(requested: Requested, compared: pd.DataFrame, scores: Scores) -> list[str]:
    """What a reader must know about the table."""
    reference = requested.reference_title
    if compared.empty:
        return [f"The experiment has no other method to compare with {reference}."]
    lower = "" if metrics.find(scores.metric).higher_is_better else " Lower is better."
    notes = [
        f"Every method compared with {reference}, with the same masks, seed by seed, by "
        f"{called(scores.metric)} on the test set.{lower}",
    ]
    if compared["difference_low"].notna().any():
        notes += [
            "Corrected: 95 % intervals that hold together for all methods of a dataset and "
            "fraction; of many, some look better by chance.",
            "Probability: of the method being better, judged by itself. Verdict: better or worse "
            "where the corrected interval excludes 0.",
        ]
    return [*notes, *search_notes(requested), *scores.notes()]


def _cells(requested: Requested, row: Row) -> TableRow:
    metric = row["metric"]
    return [
        *(row["dataset"], row["fraction"], masks_text(requested, row)),
        requested.title_of(row["method"]),
        number(metric, row["score"]),
        signed(metric, row["difference"]),
        interval_text(metric, row["difference_low"], row["difference_high"], signed),
        interval_text(metric, row["corrected_low"], row["corrected_high"], signed),
        _probability_text(row["probability_better"]),
        row["verdict"],
        seeds_text(row),
    ]


def _probability_text(probability: float) -> str:
    if pd.isna(probability):
        return NOTHING
    if probability > 0.995:
        return "> 0.99"
    return "< 0.01" if probability < 0.005 else f"{probability:.2f}"
