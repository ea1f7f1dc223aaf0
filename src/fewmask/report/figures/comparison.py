"""The figure of the comparison: what every method adds to the reference."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested
from fewmask.report.figures.dot_rows import Dots, dot_rows
from fewmask.report.figures.panels import fraction_looks, samples_of
from fewmask.report.figures.style import INK, STYLED
from fewmask.report.tables.columns import called

COLUMNS = ["difference", "corrected_low", "corrected_high"]

WIDER = 0.06
"""The share of their extent that limits are beyond the outermost values."""


@STYLED
def comparison_figure(requested: Requested, compared: pd.DataFrame) -> Figure:
    """Draw the difference of every method from the reference: a panel per dataset, a row per
    method, the best on top, a dot per fraction. Upper bounds are left out, and datasets and
    fractions without a finished run.

    ``compared`` is what ``comparison`` returns; the bars are its corrected intervals.
    """
    metric = metrics.find(requested.metrics[0])
    shown = compared[~compared["method"].isin(requested.all_masks) & compared["difference"].notna()]
    values = (100 if metric.unit == "%" else 1) * shown[COLUMNS].astype(float)
    shown = shown.assign(**values)
    sign = -1 if metric.higher_is_better else 1
    names = list((sign * shown.groupby("method")["difference"].mean()).sort_values().index) or ["–"]
    of_fractions = {
        fraction: look
        for fraction, look in fraction_looks(requested.fractions).items()
        if shown.empty or fraction in set(shown["fraction"])
    }
    panels = {}
    for dataset in shown["dataset"].unique() if len(shown) else requested.datasets:
        own = shown[shown["dataset"] == dataset]
        panels[dataset] = [
            _dots(own[own["fraction"] == fraction], names, look)
            for fraction, look in of_fractions.items()
        ]
    unit = "points" if metric.unit == "%" else metric.unit
    label = f"{called(metric.name)} ({unit})" if unit else called(metric.name)
    note = _note(requested, shown, metric.higher_is_better)
    titles = [requested.title_of(name) for name in names]
    page = dot_rows(requested.title, note, samples_of(of_fractions), titles, panels, label)
    _centre(page.figure, values)
    return page.figure


def _dots(cells: pd.DataFrame, names: list[str], look: tuple[str, str]) -> Dots:
    rows = cells.set_index("method").reindex(names)
    return Dots(look, *rows[COLUMNS].to_numpy(float).T)


def _centre(figure: Figure, values: pd.DataFrame) -> None:
    """Limits around all values and 0, which has a line."""
    shown = [*values.to_numpy().ravel(), 0]
    low, high = np.nanmin(shown), np.nanmax(shown)
    margin = WIDER * (high - low) or 1
    for axes in figure.axes:
        axes.set_xlim(low - margin, high + margin)
        axes.axvline(0, color=INK, linewidth=0.8, zorder=1.5)


def _note(requested: Requested, shown: pd.DataFrame, higher_is_better: bool) -> str:
    if shown.empty:
        return f"No finished run to compare with {requested.reference_title} yet."
    side = "Right" if higher_is_better else "Left"
    bars = (
        " Bars: 95 % intervals that hold together for all methods of a dataset and fraction."
        * bool(shown["corrected_low"].notna().any())
    )
    return (
        f"Difference from {requested.reference_title} on the test set, with the same masks, seed "
        f"by seed. {side} of the line: better.{bars} Methods are sorted by their mean difference"
        + ("; upper bounds are left out." if requested.all_masks else ".")
    )
