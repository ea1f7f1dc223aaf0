"""Label savings: how many masks the reference method would need for the same score.

The curve of the reference method, score against masks, is made monotone by isotonic
regression (Barlow et al., 1972) and interpolated on a logarithmic axis of masks. The
reference would need the number of images at which it first reaches the score of a method. Intervals
are percentiles of that number in bootstrap draws (`fewmask.report.results.bootstrap`), in which
curve and score vary together: their runs share seeds, and so masks, and test images.
"""

from dataclasses import dataclass, field

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
from fewmask.report.tables.columns import (
    NOTHING,
    Row,
    by_fraction,
    called,
    count_text,
    number,
    rows_of,
    search_notes,
    seeds_text,
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

BEYOND, BELOW = "beyond the curve", "below the curve"

COLUMNS = [
    *FIRST_COLUMNS,
    *("score", "needed", "needed_low", "needed_high", "factor", "factor_low", "factor_high"),
    *("curve", "curve_from", "curve_to"),
]


def reached_at(masks: np.ndarray, curves: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Where curves first reach scores: masks, float (D,).

    Infinity where a curve ends below the score, 0 where it begins above it, NaN of NaN.

    Args:
        masks: float (F,), increasing.
        curves: float (D, F), higher is better, which never fall (see ``isotonic``).
        scores: float (D,).
    """
    above = without_rounding(curves - scores[:, None])
    is_reached = above >= 0
    after = np.clip(is_reached.argmax(axis=1), 1, len(masks) - 1)
    rows = np.arange(len(curves))
    low, high = above[rows, after - 1], above[rows, after]
    # Shares outside [0, 1] lie beyond or below the curve, which is handled further down.
    share = np.clip(-low / np.where(high > low, high - low, 1), 0, 1)
    logs = np.log(masks)
    reached = np.exp(logs[after - 1] + share * (logs[after] - logs[after - 1]))
    reached = np.where(above[:, 0] == 0, masks[0], reached)
    reached = np.where(above[:, 0] > 0, 0, reached)
    reached = np.where(is_reached.any(axis=1), reached, np.inf)
    return np.where(np.isnan(above).any(axis=1), np.nan, reached)


def isotonic(curves: np.ndarray) -> np.ndarray:
    """The nearest curves that never fall (least squares): float (D, F) -> (D, F).

    By the formula of minima and maxima: at i, the largest over j <= i of the smallest over k >= i
    of the mean from j to k. For few points this is fast for many curves at once.
    """
    n = curves.shape[1]
    sums = np.zeros((n + 1, len(curves)))  # by point, so that the values of a point lie together
    np.cumsum(curves.T, axis=0, out=sums[1:])
    fitted = np.full((n, len(curves)), -np.inf)
    for j in range(n):
        means = (sums[j + 1 :] - sums[j]) / np.arange(1, n - j + 1)[:, None]
        smallest = np.minimum.accumulate(means[::-1])[::-1]
        np.maximum(fitted[j:], smallest, out=fitted[j:])
    return fitted.T


def label_savings(requested: Requested, summary: pd.DataFrame, scores: Scores) -> pd.DataFrame:
    """The savings of every method but the reference and upper bounds.

    Args:
        requested: the experiment.
        summary: what ``summary`` returns, for the numbers of masks.
        scores: what ``bootstrap`` returns.

    Returns:
        One row for every cell whose method has the metric, in the order of the experiment: dataset,
        method, fraction; reference, metric; masks (images used); seeds, the number that the
        method and all points of the curve have in common, and seeds_requested; score, the mean over
        these seeds; needed, the masks that the reference needs for it, and factor, needed
        / masks, both with _low and _high, the 95 % interval; curve, which is ``within``,
        ``beyond the curve`` or ``below the curve``; and curve_from and curve_to, the masks
        images at which it begins and ends. Beyond the curve needed is infinite, below it is 0;
        likewise the ends of intervals. NaN without a run and with fewer than two points of the
        curve; intervals also with one seed.
    """
    curves = {name: _Curve.of(requested, summary, scores, name) for name in requested.datasets}
    cells = compared_cells(summary, scores, but=[requested.compared_with, *requested.all_masks])
    rows = [_row(requested, scores, cell, curves[cell["dataset"]]) for cell in cells]
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass
class _Curve:
    """The runs of the reference method on a dataset, from few masks to many."""

    masks: np.ndarray
    """float (F,)."""
    cells: list[GridCell]
    _drawn: dict[tuple[int, ...], np.ndarray] = field(default_factory=dict)
    """By seeds, what ``drawn`` returns: most methods have the same seeds."""

    @classmethod
    def of(
        cls, requested: Requested, summary: pd.DataFrame, scores: Scores, dataset: str
    ) -> "_Curve":
        reference = requested.compared_with
        is_own = (summary["dataset"] == dataset) & (summary["method"] == reference)
        points = summary[is_own & (summary["seeds"] > 0)].sort_values("masks", kind="stable")
        known = [scores.seeds([(dataset, reference, one)]) for one in points["fraction"]]
        points = points[np.array([bool(seeds) for seeds in known], dtype=bool)]  # also of no points
        # Fractions may come to the same number, as n20 and 0.1 of 200 do; it takes one of them.
        points = points[~points["masks"].duplicated()]
        cells = [(dataset, reference, one) for one in points["fraction"]]
        return cls(points["masks"].to_numpy(float), cells)

    def observed(self, scores: Scores, seeds: list[int]) -> np.ndarray:
        """The scores of the curve, higher is better, which never fall: float (1, F)."""
        return isotonic(_sign(scores) * scores.means(self.cells, seeds)[None])

    def drawn(self, scores: Scores, seeds: list[int]) -> np.ndarray:
        """The same in every draw, float (D, F)."""
        if tuple(seeds) not in self._drawn:
            draws = scores.draws(self.cells, seeds)
            self._drawn[tuple(seeds)] = isotonic(_sign(scores) * draws)
        return self._drawn[tuple(seeds)]


def _sign(scores: Scores) -> int:
    return 1 if metrics.find(scores.metric).higher_is_better else -1


def _row(requested: Requested, scores: Scores, cell: Row, curve: _Curve) -> dict:
    own = grid_cell(cell)
    cells = [own, *curve.cells]
    seeds = scores.seeds(cells)
    row = first_columns(requested, scores, cell, cells)
    if not seeds or len(curve.cells) < 2:
        return row
    score = scores.means([own], seeds)
    [needed] = reached_at(curve.masks, curve.observed(scores, seeds), _sign(scores) * score)
    ends = Interval(np.nan, np.nan)
    if len(seeds) > 1:
        drawn = _sign(scores) * scores.draws([own], seeds)[:, 0]
        ends = interval(reached_at(curve.masks, curve.drawn(scores, seeds), drawn))
    needs = {"needed": needed, "needed_low": ends.low, "needed_high": ends.high}
    used = float(cell["masks"])
    factors = {name.replace("needed", "factor"): value / used for name, value in needs.items()}
    places = {0.0: BELOW, np.inf: BEYOND}
    on_curve = {"curve": places.get(needed, "within")}
    extent = {"curve_from": curve.masks[0], "curve_to": curve.masks[-1]}
    return row | {"score": score[0]} | needs | factors | on_curve | extent


def factor_text(row: Row) -> str:
    """The factor of a row: ``×2.4``; beyond the curve, the bound that it exceeds: ``> ×4.0``."""
    if pd.isna(row["needed"]):
        return NOTHING
    if row["curve"] == BEYOND:
        return f"> ×{row['curve_to'] / row['masks']:.1f}"
    if row["curve"] == BELOW:
        return f"< ×{row['curve_from'] / row['masks']:.1f}"
    return f"×{row['factor']:.1f}"


def with_savings(summary: pd.DataFrame, savings: pd.DataFrame) -> pd.DataFrame:
    """The summary with a column ``label_savings``, factors as text, if any is known."""
    texts = [factor_text(row) for row in rows_of(savings)]
    if not any(text != NOTHING for text in texts):
        return summary
    of_cells = dict(zip(savings[CELL].itertuples(index=False, name=None), texts, strict=True))
    cells = summary[CELL].itertuples(index=False, name=None)
    return summary.assign(label_savings=[of_cells.get(cell, NOTHING) for cell in cells])


def label_savings_table(requested: Requested, savings: pd.DataFrame, scores: Scores) -> Table:
    """The savings as a table to be read."""
    header = ["Dataset", "Fraction", "Masks", "Method", title(scores.metric), "Needed"]
    header += ["Factor", "95 % interval", "Seeds"]
    rows = [_cells(requested, row) for row in by_fraction(savings)]
    notes = _notes(requested, savings, scores)
    return Table(f"Label savings: {requested.title}", notes, header, "llrlrrrrr", rows)


def _notes(requested: Requested, savings: pd.DataFrame, scores: Scores) -> list[str]:
    """What a reader must know about the table."""
    reference = requested.reference_title
    if savings.empty:
        return [f"The experiment has no method to compare with {reference}."]
    notes = [
        f"Needed: the masks that {reference} would need for the same score "
        f"({called(scores.metric)} on the test set).",
        "Its curve over its own label fractions is made monotone (isotonic regression) and "
        "interpolated on a logarithmic axis of masks.",
        "Factor: needed / masks; above 1 labels are saved.",
    ]
    if (savings["curve"] == BEYOND).any() or np.isinf(savings["needed_high"]).any():
        notes.append(f"Beyond the curve: better than {reference} with its largest label fraction.")
    if (savings["curve"] == BELOW).any() or (savings["needed_low"] == 0).any():
        notes.append(f"Below the curve: worse than {reference} with its smallest label fraction.")
    if savings["needed"].isna().any():
        notes.append(f"{NOTHING}: no run, or fewer than two points of the curve.")
    return [*notes, *search_notes(requested), *scores.notes()]


def _cells(requested: Requested, row: Row) -> TableRow:
    return [
        *(row["dataset"], row["fraction"], count_text(row["masks"])),
        requested.title_of(row["method"]),
        number(row["metric"], row["score"]),
        _needed_text(row),
        factor_text(row),
        _interval_text(row),
        seeds_text(row),
    ]


def _needed_text(row: Row) -> str:
    if pd.isna(row["needed"]):
        return NOTHING
    return f"{row['needed']:.0f}" if row["curve"] == "within" else row["curve"]


def _interval_text(row: Row) -> str:
    if pd.isna(row["factor_low"]):
        return NOTHING
    words = {0.0: "below", np.inf: "beyond"}
    ends = row["factor_low"], row["factor_high"]
    texts = [words.get(end, f"×{end:.1f}") for end in ends]
    return " to ".join(dict.fromkeys(texts))
