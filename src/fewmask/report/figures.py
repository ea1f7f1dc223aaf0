"""The label curve: how good a method is with how many labels."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from fewmask.config.experiment import Experiment
from fewmask.report.columns import TITLES
from fewmask.report.markup import count_text
from fewmask.report.style import (
    BODY,
    COLOURS,
    FAINT,
    MARGIN,
    MARKERS,
    STYLED,
    Page,
    flow,
    heading_height,
    shorten,
    text_width,
)

PANELS_A_ROW = 3
LEFT, BELOW, ABOVE, BETWEEN = 0.6, 0.42, 0.34, 0.55
"""Inches around a panel: for the labels of its axes, for its title, and to the next panel."""

LEGEND_LINE, SAMPLE = 0.2, 0.3
"""Inches: the height of a line of the legend, and the length of a sample of a line in it."""

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
    columns = min(len(asked.datasets), PANELS_A_ROW)
    rows = math.ceil(len(asked.datasets) / columns)
    panel = {1: 5.2, 2: 3.8, 3: 3.2}[columns], {1: 3.2, 2: 2.8, 3: 2.6}[columns]
    width = 2 * MARGIN + LEFT + columns * panel[0] + (columns - 1) * BETWEEN
    has_published = f"{metric}_published" in summary
    note = _note(asked, summary, has_published)
    top = heading_height(asked.title, note, width) + 0.05
    names = [*asked.methods, *(["published"] if has_published else [])]
    places = flow([_entry_width(name) for name in names], width - 2 * MARGIN)
    legend = (places[-1][0] + 1) * LEGEND_LINE
    height = top + legend + rows * (ABOVE + panel[1] + BELOW) + MARGIN

    page = Page(width, height)
    page.heading(asked.title, note)
    _draw_legend(page, names, len(asked.methods), places, top)
    for i, dataset in enumerate(asked.datasets):
        row, column = divmod(i, columns)
        left = MARGIN + LEFT + column * (panel[0] + BETWEEN)
        above = top + legend + row * (ABOVE + panel[1] + BELOW) + ABOVE
        axes = page.axes(left, above, *panel)
        name = shorten(dataset, panel[0], BODY + 1, "bold")
        axes.set_title(name, loc="left", size=BODY + 1, weight="bold")
        cells = summary[summary["dataset"] == dataset]
        _draw_panel(axes, asked, runs[runs["dataset"] == dataset], cells, metric, panel[0])
        if column == 0:
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


def _entry_width(name: str) -> float:
    return SAMPLE + 0.08 + text_width(name, BODY) + 0.25


def _draw_legend(
    page: Page, names: list[str], methods: int, places: list[tuple[int, float]], top: float
) -> None:
    """Between the heading and the panels, where there are no data to cover."""
    looks = [
        {"color": colour, "marker": marker, "markeredgecolor": "white"}
        for colour, marker in _looks(methods)
    ] + [PUBLISHED_LOOKS]
    for name, look, (line, left) in zip(names, looks, places, strict=False):
        left, middle = MARGIN + left, top + (line + 0.5) * LEGEND_LINE
        page.sample(left, middle, SAMPLE, **look)
        page.text(left + SAMPLE + 0.08, middle, name, size=BODY, va="center_baseline")


def _looks(methods: int) -> list[tuple[str, str]]:
    """Colour and marker by place in the experiment: a method looks the same in all its figures."""
    return [(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]) for i in range(methods)]


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
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no run yet", transform=axes.transAxes, ha="center", color=FAINT)
        return
    # What was published has a place where a run of any method tells how many are labelled.
    cells = cells[cells["labelled"].notna()].sort_values("labelled", kind="stable")
    published = cells.get(f"{metric}_published", pd.Series(np.nan, cells.index))
    cells = cells.assign(published=published)[(cells["seeds"] > 0) | published.notna()]
    counts = sorted(cells.groupby("fraction")["labelled"].mean().astype(float).unique())
    _set_labelled_axis(axes, counts, width)
    _set_metric_axis(axes, runs, cells, metric)
    step = _step(axes, counts, len(asked.methods), width)
    for i, (method, looks) in enumerate(
        zip(asked.methods, _looks(len(asked.methods)), strict=True)
    ):
        shift = (i - (len(asked.methods) - 1) / 2) * step
        own = cells[cells["method"] == method]
        _draw_method(axes, own[own["seeds"] > 0], metric, looks, shift)
        if own["published"].notna().any():
            _draw_published(axes, own[own["published"].notna()], looks[0], shift)
        if len(asked.seeds) > 1:
            dots = runs[runs["method"] == method]
            _draw_seeds(axes, dots, metric, looks[0], shift + min(BESIDE, step / 2))


def _draw_published(axes: Axes, cells: pd.DataFrame, colour: str, shift: float) -> None:
    looks = PUBLISHED_LOOKS | {"color": colour, "transform": _shifted(axes, shift), "zorder": 2.5}
    axes.plot(cells["labelled"].astype(float), 100 * cells["published"], **looks)


def _draw_seeds(axes: Axes, runs: pd.DataFrame, metric: str, colour: str, shift: float) -> None:
    axes.scatter(
        runs["labelled"], 100 * runs[metric], s=9, color=colour, alpha=0.45, linewidths=0,
        transform=_shifted(axes, shift), zorder=2,
    )  # fmt: skip


def _draw_method(
    axes: Axes, cells: pd.DataFrame, metric: str, looks: tuple[str, str], shift: float
) -> None:
    (colour, marker), place = looks, _shifted(axes, shift)
    labelled = cells["labelled"].to_numpy(float)
    mean, std = (100 * cells[f"{metric}_{part}"].to_numpy(float) for part in ("mean", "std"))
    axes.plot(labelled, mean, color=colour, linewidth=1.5, transform=place, zorder=3)
    axes.errorbar(
        labelled, mean, yerr=std, fmt="none", ecolor=colour, elinewidth=1, capsize=2,
        transform=place, zorder=3,
    )  # fmt: skip
    is_complete = (cells["seeds"] == cells["seeds_asked"]).to_numpy()
    axes.scatter(
        labelled, mean, s=26, marker=marker, transform=place, zorder=4,
        facecolors=np.where(is_complete, colour, "white").tolist(),
        edgecolors=np.where(is_complete, "white", colour).tolist(),
        linewidths=np.where(is_complete, 0.6, 1.2).tolist(),
    )  # fmt: skip


def _shifted(axes: Axes, shift: float) -> Transform:
    """Where the data lie, moved sideways by inches: the data themselves stay what they are."""
    return axes.transData + ScaledTranslation(shift, 0, axes.figure.dpi_scale_trans)


def _set_labelled_axis(axes: Axes, counts: list[float], width: float) -> None:
    """Logarithmic, with the counts themselves as ticks, named where there is room."""
    axes.set_xscale("log")
    margin = (counts[-1] / counts[0]) ** 0.08 if len(counts) > 1 else 2
    axes.set_xlim(counts[0] / margin, counts[-1] * margin)
    names = [count_text(count) for count in counts]
    places = np.log(counts) / np.log(np.divide(*axes.get_xlim()[::-1])) * width
    shown = _that_fit(places, [text_width(name, BODY) for name in names])
    labels = [name if i in shown else "" for i, name in enumerate(names)]
    axes.xaxis.set_major_locator(FixedLocator(counts))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(counts, labels)
    axes.set_xlabel("Labelled images" + (" (log scale)" if len(counts) > 1 else ""))


def _that_fit(places: np.ndarray, widths: list[float]) -> list[int]:
    """Which labels can stand side by side: the last, and from the first on those with room."""
    last = len(widths) - 1
    kept = [last]
    left = -math.inf
    for i in range(last):
        begin, end = places[i] - widths[i] / 2, places[i] + widths[i] / 2
        if begin > left + 0.08 and end < places[last] - widths[last] / 2 - 0.08:
            kept.append(i)
            left = end
    return kept


def _set_metric_axis(axes: Axes, runs: pd.DataFrame, cells: pd.DataFrame, metric: str) -> None:
    """Around the data, but never so close that noise fills the panel."""
    mean, std = cells[f"{metric}_mean"], cells[f"{metric}_std"].fillna(0)
    values = 100 * pd.concat([mean - std, mean + std, cells["published"], runs[metric]]).dropna()
    low, high = (values.min(), values.max()) if len(values) else (0, 100)
    middle, half = (low + high) / 2, max(2.5, 0.58 * (high - low))
    axes.set_ylim(max(middle - half, -2), min(middle + half, 102))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))


def _step(axes: Axes, counts: list[float], methods: int, width: float) -> float:
    """How far, in inches, methods stand apart sideways, so that none hides another."""
    if len(counts) == 1:
        return min(0.7, 0.8 * width / methods)
    low, high = axes.get_xlim()
    nearest = np.diff(np.log(counts)).min() / math.log(high / low) * width
    return min(0.055, 0.6 * nearest / methods)
