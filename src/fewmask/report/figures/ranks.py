"""The figure of ranks: mean ranks of methods over datasets, in the manner of critical-difference
diagrams (Demšar 2006)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fewmask.planning.requested import Requested
from fewmask.report.figures.dot_rows import draw_edges
from fewmask.report.figures.method_looks import method_looks
from fewmask.report.figures.panels import BELOW, draw_markers, say_nothing
from fewmask.report.figures.style import (
    BODY,
    INK,
    MARGIN,
    STYLED,
    Page,
    heading_height,
    shorten,
    text_width,
)
from fewmask.report.results.bootstrap import Scores
from fewmask.report.results.ranks import Ranks, ranks
from fewmask.report.tables.columns import called

ROW, LONGEST, PANEL, BAR = 0.28, 2.6, 3.6, 0.14
"""Inches: the height of a row, the widest name, the width of the panel, the distance of bars."""

NOTHING = "There are no two datasets on which all methods were compared with at least two seeds."


@STYLED
def ranks_figure(requested: Requested, summary: pd.DataFrame, scores: Scores) -> Figure:
    """Draw the mean rank of every method.

    Args:
        requested: the experiment.
        summary: what ``summary`` returns: which methods have colours.
        scores: what ``bootstrap`` returns.
    """
    found = ranks(requested, scores)
    titles = [requested.title_of(name) for name in found.methods] if found else [""]
    names = [shorten(title, LONGEST, BODY) for title in titles]
    left = MARGIN + max(text_width(name, BODY) for name in names) + 0.12
    bars = BAR * (len(found.joined) + 1) if found else 0
    width = max(left + PANEL + bars, 5.6) + MARGIN
    note = _note(requested, scores, found)
    top = heading_height(requested.title, note, width) + 0.1
    height = ROW * len(names)
    page = Page(width, top + height + BELOW + MARGIN)
    page.heading(requested.title, note)
    axes = page.axes(left, top, PANEL, height)
    if found is None:
        say_nothing(axes, "no ranks")
        return page.figure
    rows = range(len(names))
    axes.set(xlim=(0.9, len(names) + 0.1), ylim=(len(names) - 0.5, -0.5))
    axes.set_yticks(rows, names)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Mean rank (1: the best)")
    axes.grid(axis="x")
    look = method_looks(requested, summary)
    looks = [look[method] for method in found.methods]
    colours = [colour for colour, _ in looks]
    axes.hlines(rows, *np.transpose(found.intervals), colors=colours, linewidth=1.2, zorder=2)
    draw_markers(
        axes,
        found.means,
        np.arange(len(names)),
        looks,
        s=30,
        edgecolors="white",
        linewidths=0.6,
        zorder=3,
    )
    for i, (first, last) in enumerate(found.joined):
        beside = 1 + BAR * (i + 1) / PANEL
        axes.plot(
            [beside, beside], [first - 0.2, last + 0.2], color=INK, linewidth=2.5,
            transform=axes.get_yaxis_transform(), clip_on=False, solid_capstyle="butt",
        )  # fmt: skip
    draw_edges(axes, len(names))
    return page.figure


def _note(requested: Requested, scores: Scores, found: Ranks | None) -> str:
    if found is None:
        return NOTHING
    of_datasets = ", ".join(
        f"{dataset} ({', '.join(fractions)})" for dataset, fractions in found.fractions.items()
    )
    bounds = " Upper bounds are left out." if requested.all_masks else ""
    return (
        f"Ranks by {called(scores.metric)} on the test set, means over fractions, then over "
        f"datasets: {of_datasets}.{bounds} Lines: 95 % intervals over seeds and test images of "
        "these datasets. Methods that no black bar joins are told apart. The figure says nothing "
        "of other datasets, nor how much better a method is."
    )
