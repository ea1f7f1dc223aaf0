"""The sweep figure: score against a number in which methods differ."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from fewmask.planning.requested import Requested
from fewmask.report.figures.metric_axis import PUBLISHED_LOOKS, set_metric_axis, with_values
from fewmask.report.figures.panels import (
    dots,
    fraction_looks,
    is_first_in_row,
    panel_page,
    samples_of,
    say_nothing,
    spread_note,
)
from fewmask.report.figures.style import STYLED
from fewmask.report.tables.columns import axis_title


@STYLED
def sweep_figure(requested: Requested, summary: pd.DataFrame) -> Figure:
    """Draw the first metric against the number in which the methods of `sweep` differ: a panel per
    dataset, a line per fraction. Published values are short bars, joined by dashes.

    ``summary`` is what ``summary`` returns.
    """
    metric, values = requested.metrics[0], requested.sweep.values
    cells = summary[summary["method"].isin(values)]
    cells = cells.assign(swept=cells["method"].map(values)).sort_values("swept")
    shown = [name for name in requested.fractions if (cells["fraction"] == name).any()]
    of_fractions = fraction_looks(shown)
    legend = samples_of(of_fractions)
    if f"{metric}_published" in cells:
        legend.append(("published", PUBLISHED_LOOKS))
    note = f"{spread_note(requested).capitalize()}. Methods that differ in one setting."
    page, panels, _ = panel_page(requested.title, note, legend, requested.datasets)
    for i, (dataset, axes) in enumerate(zip(requested.datasets, panels, strict=True)):
        _draw_panel(axes, cells[cells["dataset"] == dataset], metric, of_fractions)
        axes.set_xlabel(requested.sweep.setting)
        if is_first_in_row(i, len(panels)):
            axes.set_ylabel(axis_title(metric))
    return page.figure


def _draw_panel(
    axes: Axes, cells: pd.DataFrame, metric: str, of_fractions: dict[str, tuple[str, str]]
) -> None:
    cells = with_values(metric, cells)
    if cells["mean"].isna().all():
        say_nothing(axes, "no run with this metric yet")
        return
    _set_swept_axis(axes, sorted(set(cells["swept"])))
    set_metric_axis(axes, metric, cells, cells["mean"])
    axes.grid(axis="y")
    for fraction, look in of_fractions.items():
        own = cells[(cells["fraction"] == fraction) & cells["mean"].notna()]
        x, y = own["swept"].to_numpy(float), own["mean"].to_numpy(float)
        axes.plot(x, y, color=look[0], linewidth=1.5, zorder=3)
        axes.errorbar(
            x, y, yerr=own["std"].to_numpy(float), fmt="none", ecolor=look[0], elinewidth=1,
            capsize=2, zorder=3,
        )  # fmt: skip
        dots(axes, x, y, own, look, axes.transData)
        stated = cells[(cells["fraction"] == fraction) & cells["published"].notna()]
        if not stated.empty:
            look_of_published = PUBLISHED_LOOKS | {"color": look[0], "zorder": 2.5}
            axes.plot(stated["swept"], stated["published"], **look_of_published)


def _set_swept_axis(axes: Axes, values: list[float]) -> None:
    """Ticks at the values; logarithmic where all are above 0, as factors are compared."""
    if values[0] > 0:
        axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(values))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(values, [f"{value:g}" for value in values])
