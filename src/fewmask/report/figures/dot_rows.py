"""Panels of rows with dots: means with their spread."""

from typing import NamedTuple, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from fewmask.report.figures.panels import (
    BELOW,
    Looks,
    draw_legend,
    draw_markers,
    legend_height,
    limits_around,
    set_title,
    titles_height,
)
from fewmask.report.figures.style import (
    BODY,
    FAINT,
    MARGIN,
    Page,
    heading_height,
    shorten,
    text_width,
)

ROW, LEAST, BETWEEN = 0.3, 0.11, 0.25
"""Inches: the height of a row, the least height for a dot in it, and the space between
panels."""

LONGEST = 2.6
"""Inches: the widest name of a row."""

PANELS_WIDTH = 5.6
"""Inches: the width of all panels of a line together."""


class Dots(NamedTuple):
    """The dots of one colour in all rows of a panel."""

    look: tuple[str, str]
    """Colour and marker."""
    means: np.ndarray
    """float (rows); NaN: no dot."""
    lows: np.ndarray
    highs: np.ndarray
    """The ends of the bars, float (rows); NaN: no bar."""

    @classmethod
    def with_spread(cls, look: tuple[str, str], means: np.ndarray, stds: np.ndarray) -> Self:
        """Dots whose bars are a standard deviation to either side."""
        return cls(look, means, means - stds, means + stds)


def dot_rows(
    title: str,
    note: str,
    legend: list[tuple[str, Looks]],
    names: list[str],
    panels: dict[str, list[Dots]],
    label: str,
) -> Page:
    """A page of panels, at most four side by side, that share their rows and their axis.

    Args:
        legend: the entries of the legend, as ``samples_of`` returns them.
        names: the names of the rows.
        panels: the dots of every panel, by its title.
        label: the label of the horizontal axis.
    """
    most = max((len(dots) for dots in panels.values()), default=1)
    row = max(ROW, LEAST * (most + 1))
    columns = min(len(panels), 4)
    lines = -(-len(panels) // columns)
    left = MARGIN + min(LONGEST, max(text_width(name, BODY) for name in names)) + 0.12
    panel = (PANELS_WIDTH - (columns - 1) * BETWEEN) / columns, row * len(names)
    width = left + PANELS_WIDTH + MARGIN
    top = heading_height(title, note, width) + 0.05
    below = top + legend_height(legend, width)
    above = titles_height(list(panels), panel[0])
    page = Page(width, below + lines * (above + panel[1] + BELOW) + MARGIN)
    page.heading(title, note)
    draw_legend(page, legend, top)
    shown = [dots for of_panel in panels.values() for dots in of_panel]
    drawn = [values for dots in shown for values in (dots.means, dots.lows, dots.highs)]
    limits = limits_around(np.concatenate([*drawn, []]))
    for i, (name, of_panel) in enumerate(panels.items()):
        line, column = divmod(i, columns)
        place = left + column * (panel[0] + BETWEEN), below + line * (above + panel[1] + BELOW)
        axes = page.axes(place[0], place[1] + above, *panel)
        set_title(axes, name, panel[0])
        _draw_panel(axes, of_panel, len(names), limits)
        rows = [shorten(one, LONGEST, BODY) for one in names] if column == 0 else []
        axes.set_yticks(range(len(names)) if rows else [], rows)
        axes.set_xlabel(label)
    return page


def _draw_panel(axes: Axes, of_panel: list[Dots], rows: int, limits: tuple[float, float]) -> None:
    axes.set(xlim=limits, ylim=(rows - 0.5, -0.5))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    draw_edges(axes, rows)
    if not of_panel:
        return
    beside = (np.arange(len(of_panel)) - (len(of_panel) - 1) / 2) * 0.7 / max(len(of_panel), 2)
    places = np.concatenate([np.arange(rows) + one for one in beside])
    looks = [dots.look for dots in of_panel for _ in range(rows)]
    means, lows, highs = (
        np.concatenate([getattr(dots, values) for dots in of_panel])
        for values in ("means", "lows", "highs")
    )
    axes.hlines(places, lows, highs, colors=[colour for colour, _ in looks], linewidth=1, zorder=2)
    draw_markers(axes, means, places, looks, s=24, edgecolors="white", linewidths=0.6, zorder=3)


def draw_edges(axes: Axes, rows: int) -> None:
    """Thin lines between the rows of a panel."""
    axes.hlines(
        np.arange(1, rows) - 0.5, 0, 1, transform=axes.get_yaxis_transform(), color=FAINT,
        linewidth=0.3, alpha=0.5, zorder=2,
    )  # fmt: skip
