"""The IoU of every class."""

import pandas as pd
from matplotlib.figure import Figure

from fewmask.planning.requested import Requested
from fewmask.report.figures.dot_rows import Dots, dot_rows
from fewmask.report.figures.method_looks import (
    grey_note,
    left_out_note,
    legend_of,
    method_looks,
    shown_methods,
)
from fewmask.report.figures.panels import spread_note
from fewmask.report.figures.style import STYLED
from fewmask.report.tables.columns import masks_text

PREFIX, MEAN = "iou_", "_mean"


@STYLED
def class_iou(requested: Requested, summary: pd.DataFrame, dataset: str) -> Figure:
    """Draw the IoU of every class of a dataset: a panel per fraction, a row per class, a dot per
    method.

    ``summary`` is what ``summary`` returns; the bars are its sample standard deviations.
    """
    own = summary[(summary["dataset"] == dataset) & summary["miou_mean"].notna()]
    looks, among = method_looks(requested, summary), shown_methods(requested, summary)
    shown = {name: looks[name] for name in among if name in set(own["method"])}
    columns = [name for name in own if name.startswith(PREFIX) and name.endswith(MEAN)]
    columns = [name for name in columns if own[name].notna().any()]
    names = [name.removeprefix(PREFIX).removesuffix(MEAN) for name in columns]
    panels = {}
    for fraction, cells in own.groupby("fraction", sort=False):
        of_methods = cells.set_index("method").reindex(shown)
        means = 100 * of_methods[columns].to_numpy(float)
        stds = 100 * of_methods[[f"{PREFIX}{name}_std" for name in names]].to_numpy(float)
        panels[_title(requested, fraction, cells)] = [
            Dots.with_spread(*of_method)
            for of_method in zip(shown.values(), means, stds, strict=True)
        ]
    title = f"{requested.title} · {dataset}"
    note = _note(requested, own) + grey_note(shown) + left_out_note(requested, among)
    page = dot_rows(title, note, legend_of(requested, shown), names, panels, "IoU (%)")
    return page.figure


def _title(requested: Requested, fraction: str, cells: pd.DataFrame) -> str:
    counts = {masks_text(requested, row) for _, row in cells.iterrows()} - {"all"}
    return f"{fraction} ({counts.pop()})" if len(counts) == 1 else fraction


def _note(requested: Requested, own: pd.DataFrame) -> str:
    is_incomplete = bool((own["seeds"] < own["seeds_requested"]).any())
    return (
        "IoU of every class, pooled over the pixels of the test set: "
        f"{spread_note(requested)}. In parentheses: masks. Models are selected on "
        "the validation set, never on the test set."
        + " Incomplete: some means are over fewer seeds."
        * is_incomplete
    )
