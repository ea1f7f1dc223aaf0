"""Pages of panels, one per dataset, with masks along the horizontal axis."""

import math
from functools import cache

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from fewmask.planning.requested import Requested
from fewmask.report.figures.style import (
    BODY,
    FAINT,
    LEADING,
    MARGIN,
    MARKERS,
    Page,
    flow,
    heading_height,
    text_width,
    wrap,
)
from fewmask.report.tables.columns import count_text

PANELS_A_ROW = 3
"""With this and the sizes below, a single panel fits into one column of a two-column paper, and a
row of panels across both, with letters of at least 6 points."""

LEFT, BELOW, ABOVE, BETWEEN = 0.6, 0.42, 0.34, 0.55
"""Inches around a panel: for the labels of its axes, for a title of one line, and to the next
panel."""

TITLE_SIZE = BODY + 1

LEGEND_LINE, SAMPLE = 0.2, 0.3
"""Inches: the height of a line of the legend, and the length of a sample of a line in it."""

Looks = dict[str, object]
"""How a line is drawn: keyword arguments of matplotlib."""


def panel_page(
    title: str, note: str, legend: list[tuple[str, Looks]], datasets: list[str]
) -> tuple[Page, list[Axes], float]:
    """A page with a heading, a legend, and an empty panel for every dataset.

    Returns the page, the panels, and their width in inches.
    """
    columns = _columns(len(datasets))
    rows = math.ceil(len(datasets) / columns)
    panel = {1: 3.6, 2: 2.9, 3: 2.2}[columns], {1: 2.7, 2: 2.4, 3: 2.1}[columns]
    width = 2 * MARGIN + LEFT + columns * panel[0] + (columns - 1) * BETWEEN
    top = heading_height(title, note, width) + 0.05
    below = top + legend_height(legend, width)
    above = titles_height(datasets, panel[0])
    page = Page(width, below + rows * (above + panel[1] + BELOW) + MARGIN)
    page.heading(title, note)
    draw_legend(page, legend, top)
    panels = []
    for i, dataset in enumerate(datasets):
        row, column = divmod(i, columns)
        left = MARGIN + LEFT + column * (panel[0] + BETWEEN)
        axes = page.axes(left, below + row * (above + panel[1] + BELOW) + above, *panel)
        set_title(axes, dataset, panel[0])
        panels.append(axes)
    return page, panels, panel[0]


def titles_height(titles: list[str], width: float) -> float:
    """The room above panels of a width for their titles, in inches."""
    lines = max((len(_title_lines(title, width)) for title in titles), default=1)
    return ABOVE + (lines - 1) * TITLE_SIZE * LEADING


def set_title(axes: Axes, title: str, width: float) -> None:
    """The title of a panel, in as many lines as it takes."""
    lines = "\n".join(_title_lines(title, width))
    axes.set_title(lines, loc="left", size=TITLE_SIZE, weight="bold", linespacing=1.2)


def _title_lines(title: str, width: float) -> list[str]:
    return wrap(title, width, TITLE_SIZE, "bold")


def limits_around(values: np.ndarray) -> tuple[float, float]:
    """The limits of an axis in percent, never so narrow that noise fills the panel."""
    known = values[~np.isnan(values)]
    low, high = (known.min(), known.max()) if len(known) else (0, 100)
    middle, half = (low + high) / 2, max(2.5, 0.58 * (high - low))
    return float(max(middle - half, -2)), float(min(middle + half, 102))


def spread_note(requested: Requested) -> str:
    """What markers and bars stand for."""
    if len(requested.seeds) == 1:
        return "one seed"
    return f"mean over {requested.seeds_of_cells} seeds; bars: ± sample standard deviation"


def _columns(panels: int) -> int:
    return 2 if panels == 4 else min(panels, PANELS_A_ROW)


def is_first_in_row(panel: int, panels: int) -> bool:
    """Whether one of so many panels is the leftmost of its row, whose vertical axis is labelled."""
    return panel % _columns(panels) == 0


def say_nothing(axes: Axes, text: str) -> None:
    """Leave a panel empty but for a few words."""
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", color=FAINT)


def legend_height(legend: list[tuple[str, Looks]], width: float) -> float:
    """The height of a legend on a page of a width, in inches."""
    return LEGEND_LINE * (_places(legend, width)[-1][0] + 1 if legend else 0)


def draw_legend(page: Page, legend: list[tuple[str, Looks]], top: float) -> None:
    """Draw a legend between the heading and the panels, where it covers no data."""
    places = _places(legend, page.width)
    for (name, look), (line, left) in zip(legend, places, strict=True):
        left, middle = MARGIN + left, top + (line + 0.5) * LEGEND_LINE
        page.sample(left, middle, SAMPLE, **look)
        page.text(left + SAMPLE + 0.08, middle, name, size=BODY, va="center_baseline")


def _places(legend: list[tuple[str, Looks]], width: float) -> list[tuple[int, float]]:
    widths = [SAMPLE + 0.08 + text_width(name, BODY) + 0.25 for name, _ in legend]
    return flow(widths, width - 2 * MARGIN)


def fraction_looks(fractions: list[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of fractions, dark to bright, where colours do not stand for methods."""
    shades = colormaps["viridis"](np.linspace(0, 0.85, len(fractions)))
    return {
        fraction: (to_hex(shade), MARKERS[i % len(MARKERS)])
        for i, (fraction, shade) in enumerate(zip(fractions, shades, strict=True))
    }


def samples_of(looks_of: dict[str, tuple[str, str]]) -> list[tuple[str, Looks]]:
    """The entries of a legend, from colour and marker by name."""
    return [
        (name, {"color": colour, "marker": marker, "markeredgecolor": "white"})
        for name, (colour, marker) in looks_of.items()
    ]


def shifts(methods: list[str], apart: float) -> dict[str, float]:
    """The sideways shift of every method, in inches, ``apart`` from each other."""
    return {method: (i - (len(methods) - 1) / 2) * apart for i, method in enumerate(methods)}


def shifted(axes: Axes, shift: float) -> Transform:
    """The transform of the data, shifted sideways by inches; the data stay as they are."""
    return axes.transData + ScaledTranslation(shift, 0, axes.figure.dpi_scale_trans)


def set_masks_axis(axes: Axes, counts: list[float], width: float) -> None:
    """A logarithmic axis whose ticks are the counts, labelled where there is room."""
    axes.set_xscale("log")
    margin = (counts[-1] / counts[0]) ** 0.1 if len(counts) > 1 else 2
    axes.set_xlim(counts[0] / margin, counts[-1] * margin)
    names = [count_text(count) for count in counts]
    places = np.log(counts) / np.log(np.divide(*axes.get_xlim()[::-1])) * width
    shown = _that_fit(places, [text_width(name, BODY) for name in names])
    labels = [name if i in shown else "" for i, name in enumerate(names)]
    axes.xaxis.set_major_locator(FixedLocator(counts))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(counts, labels)
    axes.set_xlabel("Masks" + (" (log scale)" if len(counts) > 1 else ""))


def _that_fit(places: np.ndarray, widths: list[float]) -> list[int]:
    """The labels that fit side by side: the last, then from the first on those with room."""
    last = len(widths) - 1
    kept = [last]
    left = -math.inf
    for i in range(last):
        begin, end = places[i] - widths[i] / 2, places[i] + widths[i] / 2
        if begin > left + 0.08 and end < places[last] - widths[last] / 2 - 0.08:
            kept.append(i)
            left = end
    return kept


def step(axes: Axes, counts: list[float], methods: int, width: float, most: float = 0.055) -> float:
    """The sideways distance between methods in inches, so that none hides another; at most ``most``
    if there are several counts."""
    if len(counts) == 1:
        return min(0.7, 0.8 * width / methods)
    low, high = axes.get_xlim()
    nearest = np.diff(np.log(counts)).min() / math.log(high / low) * width
    return min(most, 0.6 * nearest / methods)


def draw_markers(
    axes: Axes,
    x: np.ndarray,
    y: np.ndarray,
    looks: list[tuple[str, str]],
    **style: object,
) -> None:
    """N markers, each with its own look, as one artist: one for each look takes far longer.

    ``x`` and ``y`` are float (N,), where NaN draws nothing; ``looks`` are N colours and markers.
    """
    known = np.flatnonzero(~np.isnan(x))
    if len(known):
        colours, names = zip(*(looks[i] for i in known), strict=True)
        markers = axes.scatter(x[known], y[known], color=colours, **style)
        markers.set_paths([_outline(name) for name in names])


@cache
def _outline(marker: str) -> Path:
    style = MarkerStyle(marker)
    return style.get_path().transformed(style.get_transform())


def joined(lines: list[np.ndarray]) -> np.ndarray:
    """Lines as one with gaps, which is drawn far quicker: (E, 2) each to (sum of E + 1, 2)."""
    gap = np.full((1, 2), np.nan)
    return np.concatenate([part for line in lines for part in (line, gap)])


def dots(
    axes: Axes,
    x: np.ndarray,
    y: np.ndarray,
    cells: pd.DataFrame,
    look: tuple[str, str],
    place: Transform,
    sizes: np.ndarray | float = 26,
) -> None:
    """A dot for every cell, hollow where some of the requested seeds are missing.

    ``sizes``: areas in square points, of all dots or of each.
    """
    colour, marker = look
    is_complete = (cells["seeds"] == cells["seeds_requested"]).to_numpy()
    axes.scatter(
        x, y, s=sizes, marker=marker, transform=place, zorder=4,
        facecolors=np.where(is_complete, colour, "white").tolist(),
        edgecolors=np.where(is_complete, "white", colour).tolist(),
        linewidths=np.where(is_complete, 0.6, 1.2).tolist(),
    )  # fmt: skip
