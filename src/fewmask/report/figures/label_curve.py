"""The label curve: score against masks."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewmask.planning.requested import Requested
from fewmask.report.figures.method_looks import (
    grey_note,
    is_grey,
    legend_of,
    method_looks,
    with_metric,
)
from fewmask.report.figures.metric_axis import (
    PUBLISHED_LOOKS,
    in_units,
    set_metric_axis,
    with_values,
)
from fewmask.report.figures.panels import (
    dots,
    is_first_in_row,
    joined,
    panel_page,
    say_nothing,
    set_masks_axis,
    shifted,
    shifts,
    spread_note,
    step,
)
from fewmask.report.figures.style import GREY, STYLED
from fewmask.report.tables.columns import axis_title

BESIDE = 0.04
"""Inches between an error bar and the dots of single seeds."""


@STYLED
def label_curve(requested: Requested, runs: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """Draw the experiment's first metric against the number of masks: a panel per
    dataset, a line per method. Published values are short bars, joined by dashes.

    Args:
        requested: the experiment.
        runs: what ``collect`` returns: the faint dots.
        summary: what ``summary`` returns: the lines, and the sample standard deviation as bars.
    """
    metric = requested.metrics[0]
    has_published = f"{metric}_published" in summary
    looks = method_looks(requested, summary)
    summary = summary.assign(is_searched=summary["method"].isin(requested.searched_methods))
    legend = (
        legend_of(requested, with_metric(looks, summary, metric))
        + [("published", PUBLISHED_LOOKS)] * has_published
    )
    note = _note(requested, summary, has_published) + grey_note(looks)
    page, panels, width = panel_page(requested.title, note, legend, requested.datasets)
    for i, (dataset, axes) in enumerate(zip(requested.datasets, panels, strict=True)):
        cells = summary[summary["dataset"] == dataset]
        _draw_panel(axes, looks, runs[runs["dataset"] == dataset], cells, metric, width)
        if is_first_in_row(i, len(panels)):
            axes.set_ylabel(axis_title(metric))
    return page.figure


def _note(requested: Requested, summary: pd.DataFrame, has_published: bool) -> str:
    parts = [
        f"Markers: {spread_note(requested)}; dots: single seeds."
        if len(requested.seeds) > 1
        else "One seed: the spread is unknown."
    ]
    parts.append("Models are selected on the validation set, never on the test set.")
    if (summary["seeds"] < summary["seeds_requested"]).any():
        finished, in_all = summary["seeds"].sum(), summary["seeds_requested"].sum()
        parts.append(f"Incomplete: {finished} of {in_all} runs are finished; hollow: fewer seeds.")
    if has_published:
        parts.append(f"Published: {requested.published.source}.")
    return " ".join(parts)


def _draw_panel(
    axes: Axes,
    looks: dict[str, tuple[str, str]],
    runs: pd.DataFrame,
    cells: pd.DataFrame,
    metric: str,
    width: float,
) -> None:
    axes.grid(axis="y")
    values = runs[metric] if metric in runs else pd.Series(np.nan, runs.index)
    runs, cells = runs.assign(value=in_units(metric, values)), with_values(metric, cells)
    if cells["mean"].isna().all():
        say_nothing(axes, "no run with this metric yet" if cells["seeds"].any() else "no run yet")
        return
    # A published value can be placed once a run of any method says how many masks they had.
    cells = cells[cells["masks"].notna()].sort_values("masks", kind="stable")
    cells = cells[(cells["seeds"] > 0) | cells["published"].notna()]
    of_kinds = cells.groupby(["fraction", "is_searched"])["masks"].mean()
    counts = sorted(of_kinds.astype(float).unique())
    set_masks_axis(axes, counts, width)
    set_metric_axis(axes, metric, cells, runs["value"])
    coloured = [method for method, look in looks.items() if not is_grey(look)]
    apart = step(axes, counts, len(coloured), width)
    _draw_grey(axes, cells[~cells["method"].isin(coloured)])
    of_methods = shifts(coloured, apart)
    for method, look in looks.items():
        if is_grey(look):
            continue
        own = cells[cells["method"] == method]
        shift = of_methods[method]
        _draw_method(axes, own[own["mean"].notna()], look, shift)
        if own["published"].notna().any():
            _draw_published(axes, own[own["published"].notna()], look[0], shift)
        singles = runs[runs["method"] == method]
        if singles["seed"].nunique() > 1:
            _draw_seeds(axes, singles, look[0], shift + min(BESIDE, apart / 2))


def _draw_grey(axes: Axes, cells: pd.DataFrame) -> None:
    """Methods without a colour of their own: their means alone."""
    lines = [
        own[["masks", "mean"]].to_numpy(float) for _, own in cells.groupby("method", sort=False)
    ]
    if lines:
        axes.plot(*joined(lines).T, color=GREY, linewidth=1, zorder=1.5)


def _draw_published(axes: Axes, cells: pd.DataFrame, colour: str, shift: float) -> None:
    look = PUBLISHED_LOOKS | {"color": colour, "transform": shifted(axes, shift), "zorder": 2.5}
    axes.plot(cells["masks"].astype(float), cells["published"], **look)


def _draw_seeds(axes: Axes, runs: pd.DataFrame, colour: str, shift: float) -> None:
    runs = runs[runs["value"].notna()]
    axes.scatter(
        runs["masks"], runs["value"], s=9, color=colour, alpha=0.45, linewidths=0,
        transform=shifted(axes, shift), zorder=2,
    )  # fmt: skip


def _draw_method(axes: Axes, cells: pd.DataFrame, look: tuple[str, str], shift: float) -> None:
    (colour, _), place = look, shifted(axes, shift)
    masks, mean = cells["masks"].to_numpy(float), cells["mean"].to_numpy()
    axes.plot(masks, mean, color=colour, linewidth=1.5, transform=place, zorder=3)
    axes.errorbar(
        masks, mean, yerr=cells["std"].to_numpy(), fmt="none", ecolor=colour, elinewidth=1,
        capsize=2, transform=place, zorder=3,
    )  # fmt: skip
    dots(axes, masks, mean, cells, look, place)
