"""The quality of the pseudo-masks that methods learnt: one row for every stage behind them."""

import pandas as pd

from fewmask.metrics import calibration
from fewmask.planning.requested import Requested
from fewmask.report.results.pseudo_masks import KEY
from fewmask.report.tables.columns import seeds_text, spread_text, title, with_spread
from fewmask.report.tables.page import Table, TableRow
from fewmask.report.tables.statistics import over_seeds

SHOWN = ("miou", "pixel_accuracy", "calibration_error")


def pseudo_masks_summary(requested: Requested, qualities: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds that are there.

    Returns:
        The columns dataset, method, fraction, stage, seeds, seeds_requested; then <name>_mean and
        <name>_std of images, the metrics of pseudo-masks and iou_<class>. The mean is NaN where a
        run's value is not known; the deviation also with one run.
    """
    return over_seeds(requested, qualities, KEY)


def pseudo_masks_table(requested: Requested, summary: pd.DataFrame) -> Table:
    """The summary as a table to be read; a sentence where no stage learns from pseudo-masks."""
    name = f"Pseudo-masks: {requested.title}"
    if summary.empty:
        return Table(name, ["No stage of this experiment learns from pseudo-masks."])
    spread = spread_text(requested)
    notes = [
        "Pseudo-masks that a stage predicts and another one learns from, compared with the true "
        f"masks of the unlabelled training images, where the dataset has them; {spread}.",
        "No training and no selection uses these values.",
        f"Calibration error: expected calibration error, {calibration.BINS} bins of confidence.",
    ]
    header = ["Dataset", "Fraction", "Method", "Stage", *map(title, SHOWN), "Seeds"]
    rows = [_cells(requested, row) for _, row in summary.iterrows()]
    return Table(name, notes, header, "llll" + "r" * (len(SHOWN) + 1), rows)


def _cells(requested: Requested, row: pd.Series) -> TableRow:
    values = [with_spread(name, row[f"{name}_mean"], row[f"{name}_std"]) for name in SHOWN]
    words = [row["dataset"], row["fraction"], requested.title_of(row["method"]), row["stage"]]
    return [*words, *values, seeds_text(row)]
