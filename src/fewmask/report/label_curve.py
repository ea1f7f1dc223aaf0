"""The label curve: how good a method is with how many labels."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fewmask.config.experiment import Experiment
from fewmask.report.columns import TITLES
from fewmask.report.panels import (
    dots,
    is_first_in_row,
    limits_around,
    looks,
    panel_page,
    samples_with,
    say_nothing,
    set_labelled_axis,
    shifted,
    shifts,
    step,
)
from fewmask.report.style import FAINT, STYLED

PUBLISHED_LOOKS = {
    "color": FAINT, "linestyle": (0, (3, 2)), "linewidth": 1,
    "marker": "_", "markersize": 11, "markeredgewidth": 1.5,
}  # fmt: skip
"""Of published figures; beside a method they have its colour."""

BESIDE = 0.04
"""How far beside its bar, in inches, the dot of a single seed stands."""


@STYLED
def label_curve(
    asked: Experiment, runs: pd.DataFrame, summary: pd.DataFrame, metric: str = "miou"
) -> Figure:
    """Draw a metric against the number of labelled images: a panel a dataset, a line a method.

    Args:
        asked: the experiment.
        runs: what ``collect`` returns: the faint dots.
        summary: what ``summary`` returns: the lines, and the sample standard deviation as bars.
        metric: one of the metrics that are shares. Published figures of it are short bars, joined
            by dashes.
    """
    has_published = f"{metric}_published" in summary
    legend = samples_with(asked.methods, summary, metric) + (
        [("published", PUBLISHED_LOOKS)] if has_published else []
    )
    note = _note(asked, summary, has_published)
    page, panels, width = panel_page(asked.title, note, legend, asked.datasets)
    for i, (dataset, axes) in enumerate(zip(asked.datasets, panels, strict=True)):
        cells = summary[summary["dataset"] == dataset]
        _draw_panel(axes, asked, runs[runs["dataset"] == dataset], cells, metric, width)
        if is_first_in_row(i):
            axes.set_ylabel(f"{TITLES[metric]} on the test set (%)")
    return page.figure


def _note(asked: Experiment, summary: pd.DataFrame, has_published: bool) -> str:
    n = len(asked.seeds)
    parts = [
        f"Markers: mean over {n} seeds; bars: ± sample standard deviation; dots: single seeds."
        if n > 1
        else "One seed, so that no spread is known."
    ]
    parts.append("Models are selected on the validation set, never on the test set.")
    if (summary["seeds"] < summary["seeds_asked"]).any():
        there, wanted = summary["seeds"].sum(), summary["seeds_asked"].sum()
        parts.append(f"Incomplete: {there} of {wanted} runs are there; hollow: fewer seeds.")
    if has_published:
        parts.append(f"Published: {asked.published.source}.")
    return " ".join(parts)


def _draw_panel(
    axes: Axes,
    asked: Experiment,
    runs: pd.DataFrame,
    cells: pd.DataFrame,
    metric: str,
    width: float,
) -> None:
    axes.grid(axis="y")
    if not cells["seeds"].any():
        say_nothing(axes, "no run yet")
        return
    # What was published has a place where a run of any method tells how many are labelled.
    cells = cells[cells["labelled"].notna()].sort_values("labelled", kind="stable")
    published = cells.get(f"{metric}_published", pd.Series(np.nan, cells.index))
    cells = cells.assign(published=published)[(cells["seeds"] > 0) | published.notna()]
    counts = sorted(cells.groupby("fraction")["labelled"].mean().astype(float).unique())
    set_labelled_axis(axes, counts, width)
    _set_metric_axis(axes, runs, cells, metric)
    apart = step(axes, counts, len(asked.methods), width)
    for method, shift in shifts(asked.methods, apart).items():
        look = looks(asked.methods)[method]
        own = cells[cells["method"] == method]
        _draw_method(axes, own[own[f"{metric}_mean"].notna()], metric, look, shift)
        if own["published"].notna().any():
            _draw_published(axes, own[own["published"].notna()], look[0], shift)
        if len(asked.seeds) > 1:
            dots = runs[runs["method"] == method]
            _draw_seeds(axes, dots, metric, look[0], shift + min(BESIDE, apart / 2))


def _draw_published(axes: Axes, cells: pd.DataFrame, colour: str, shift: float) -> None:
    look = PUBLISHED_LOOKS | {"color": colour, "transform": shifted(axes, shift), "zorder": 2.5}
    axes.plot(cells["labelled"].astype(float), 100 * cells["published"], **look)


def _draw_seeds(axes: Axes, runs: pd.DataFrame, metric: str, colour: str, shift: float) -> None:
    runs = runs[runs[metric].notna()]
    axes.scatter(
        runs["labelled"], 100 * runs[metric], s=9, color=colour, alpha=0.45, linewidths=0,
        transform=shifted(axes, shift), zorder=2,
    )  # fmt: skip


def _draw_method(
    axes: Axes, cells: pd.DataFrame, metric: str, look: tuple[str, str], shift: float
) -> None:
    (colour, _), place = look, shifted(axes, shift)
    labelled = cells["labelled"].to_numpy(float)
    mean, std = (100 * cells[f"{metric}_{part}"].to_numpy(float) for part in ("mean", "std"))
    axes.plot(labelled, mean, color=colour, linewidth=1.5, transform=place, zorder=3)
    axes.errorbar(
        labelled, mean, yerr=std, fmt="none", ecolor=colour, elinewidth=1, capsize=2,
        transform=place, zorder=3,
    )  # fmt: skip
    dots(axes, labelled, mean, cells, look, place)


def _set_metric_axis(axes: Axes, runs: pd.DataFrame, cells: pd.DataFrame, metric: str) -> None:
    mean, std = cells[f"{metric}_mean"], cells[f"{metric}_std"].fillna(0)
    values = pd.concat([mean - std, mean + std, cells["published"], runs[metric]])
    axes.set_ylim(limits_around(100 * values.to_numpy(float)))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
