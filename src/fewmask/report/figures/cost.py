"""The cost figure: hours against score."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested
from fewmask.report.figures.method_looks import (
    by_look,
    grey_note,
    is_grey,
    legend_of,
    method_looks,
    with_metric,
)
from fewmask.report.figures.panels import (
    dots,
    is_first_in_row,
    joined,
    panel_page,
    say_nothing,
    spread_note,
)
from fewmask.report.figures.style import STYLED
from fewmask.report.tables.columns import axis_title

SIZES = (16, 60)


@STYLED
def cost_figure(requested: Requested, summary: pd.DataFrame) -> Figure:
    """Draw the first metric against the hours of a run: a panel per dataset, a line per method.

    ``summary`` is what ``summary`` returns. GPU-hours if there are any, else hours: of all jobs of
    a run, shared ones counted in full.
    """
    metric = requested.metrics[0]
    hours = "gpu_hours" if (summary["gpu_hours_mean"] > 0).any() else "hours"
    name = {"gpu_hours": "GPU hours", "hours": "Hours"}[hours]
    looks = with_metric(method_looks(requested, summary), summary, metric)
    note = _note(requested, name, bool((summary["seeds"] < summary["seeds_requested"]).any()))
    note += grey_note(looks)
    page, panels, _ = panel_page(
        requested.title, note, legend_of(requested, looks), requested.datasets
    )
    for i, (dataset, axes) in enumerate(zip(requested.datasets, panels, strict=True)):
        own = summary[(summary["dataset"] == dataset) & (summary["seeds"] > 0)]
        if f"{metric}_mean" in own:
            own = own[own[f"{metric}_mean"].notna() & (own[f"{hours}_mean"] > 0)]
        if f"{metric}_mean" not in own or own.empty:
            say_nothing(axes, "no run with this metric yet")
            continue
        spans, factor = ("hours", 1) if own[f"{hours}_mean"].median() >= 0.5 else ("minutes", 60)
        own = own.assign(spent=factor * own[f"{hours}_mean"], size=_sizes(requested, own))
        _draw_panel(axes, looks, own, metric)
        spans = f"GPU {spans}" if hours == "gpu_hours" else spans.capitalize()
        axes.set_xlabel(f"{spans} per run (log scale)")
        if is_first_in_row(i, len(panels)):
            axes.set_ylabel(axis_title(metric))
    return page.figure


def _note(requested: Requested, name: str, is_incomplete: bool) -> str:
    spread = f"Markers: {spread_note(requested)}. " if len(requested.seeds) > 1 else ""
    return (
        f"{spread}Larger markers: more masks ({', '.join(requested.fractions)}). {name}: "
        "of all training, pseudo-labelling and evaluation jobs of a run; shared jobs count in full "
        "for each run." + " Incomplete; hollow: fewer seeds." * is_incomplete
    )


def _sizes(requested: Requested, own: pd.DataFrame) -> np.ndarray:
    """Areas of markers in square points: the largest for methods that use all masks."""
    rank = own["masks"].rank(method="dense").to_numpy()
    share = (rank - 1) / max(rank.max() - 1, 1)
    is_largest = own["method"].isin(requested.all_masks).to_numpy()
    return np.interp(np.where(is_largest, 1, share), [0, 1], SIZES)


def _draw_panel(
    axes: Axes, looks: dict[str, tuple[str, str]], own: pd.DataFrame, metric: str
) -> None:
    factor = 100 if metrics.find(metric).unit == "%" else 1
    axes.set_xscale("log")
    axes.grid(axis="y")
    own = own.sort_values("masks", kind="stable")
    of_methods = dict(list(own.groupby("method")))
    for look, methods in by_look(looks).items():
        shown = [of_methods[method] for method in methods if method in of_methods]
        if not shown:
            continue
        cells = pd.concat(shown)
        x = cells["spent"].to_numpy(float)
        mean, std = (factor * cells[f"{metric}_{part}"].to_numpy(float) for part in ("mean", "std"))
        ends = np.cumsum([len(one) for one in shown])[:-1]
        lines = joined(np.split(np.stack([x, mean], axis=1), ends))
        axes.plot(*lines.T, color=look[0], linewidth=0.8, alpha=0.5, zorder=2)
        if not is_grey(look):
            axes.errorbar(x, mean, yerr=std, fmt="none", ecolor=look[0], elinewidth=1, zorder=3)
        dots(axes, x, mean, cells, look, axes.transData, cells["size"].to_numpy())
    low, high = own["spent"].min(), own["spent"].max()
    axes.set_xlim(low / 1.5, high * 1.8)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
