"""The figure of a search: the score of every trial against each setting."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fewmask.config.ranges import Choice, Linear, Value, Whole
from fewmask.planning.requested import Requested
from fewmask.planning.search.names import written
from fewmask.planning.search.tried import Tried
from fewmask.report.figures.metric_axis import in_units, metric_limits
from fewmask.report.figures.panels import (
    Looks,
    draw_legend,
    fraction_looks,
    legend_height,
)
from fewmask.report.figures.style import (
    BODY,
    FAINT,
    INK,
    MARGIN,
    SMALL,
    STYLED,
    Page,
    heading_height,
    shorten,
    text_width,
)
from fewmask.report.tables.columns import called, with_unit
from fewmask.report.tables.search import tried_by

COLUMNS = 5
"""The number of panels side by side."""

LEFT, PANEL, BETWEEN, ABOVE, BELOW, TITLE = 0.5, (1.3, 1.05), 0.22, 0.08, 0.46, 0.3
"""Inches: left of the panels, the size of one, between two, above and below a row of them, and the
height of a method's name."""

BEYOND = 0.07
"""How far outside the axis's range of 0 to 1 a value is drawn that lies outside its range."""

AREA, LARGE = 16, 34
"""Areas of markers in square points."""


@dataclass(frozen=True)
class Block:
    """The trials of a method, of all fractions that it was searched at."""

    method: str
    trials: pd.DataFrame
    """The rows of ``search_summary``, with the column ``shown``: the score as the axis shows it."""
    tried: dict[str, Tried]

    @property
    def height(self) -> float:
        """In inches."""
        rows = math.ceil(len(self.tried) / COLUMNS)
        return TITLE + rows * (ABOVE + PANEL[1] + BELOW)


@STYLED
def search_figure(requested: Requested, trials: pd.DataFrame, dataset: str) -> Figure:
    """Draw the trials on a dataset: a block per method, that of the reference first, and in it a
    panel per setting, whose horizontal axis is the range that is tried.

    ``trials`` is what ``search_summary`` returns.
    """
    blocks = list(_blocks(requested, trials[trials["dataset"] == dataset]))
    width = MARGIN + LEFT + COLUMNS * PANEL[0] + (COLUMNS - 1) * BETWEEN + MARGIN
    title, note = f"{requested.title} · {dataset}", _note(blocks)
    fractions = list(dict.fromkeys(name for one in blocks for name in one.trials["fraction"]))
    colours = {name: colour for name, (colour, _) in fraction_looks(fractions).items()}
    legend = _legend(blocks, colours)
    top = heading_height(title, note, width) + 0.05
    below = top + legend_height(legend, width) + 0.08
    page = Page(width, below + sum(one.height for one in blocks) + MARGIN)
    page.heading(title, note)
    draw_legend(page, legend, top)
    for block in blocks:
        _draw(page, block, below, colours)
        below += block.height
    return page.figure


def _blocks(requested: Requested, trials: pd.DataFrame) -> Iterator[Block]:
    first = written(requested.compared_with)
    names = sorted(trials["method"].unique(), key=lambda name: name != first)
    for name in names:
        own = trials[trials["method"] == name]
        names_of_search = tuple(own.iloc[0][["dataset", "method", "fraction"]])
        shown = in_units(own["metric"].iloc[0], own["score"])
        yield Block(name, own.assign(shown=shown), tried_by(requested, names_of_search))


def _note(blocks: list[Block]) -> str:
    if not blocks:
        return "No trial of a search is ranked yet."
    return (
        "Every trial of the search of settings: its score on the validation images, means over the "
        "seeds of the search, against each setting. Lines join the scores of one trial on several "
        "rungs. Dotted: the setting as it is written. Settings are tried together, so that a panel "
        "alone does not show the effect of its setting. Test images are not involved."
    )


def _legend(blocks: list[Block], colours: dict[str, str]) -> list[tuple[str, Looks]]:
    """Markers of all kinds of trials that there are; colours of several fractions."""
    if not blocks:
        return []
    trials = pd.concat([one.trials for one in blocks])
    plain = {"color": INK, "linestyle": "none", "marker": "o"}
    last = trials["rung"].max()
    kinds = {
        "first rung" if last > 1 else "trial": plain | {"markerfacecolor": "white"},
        "last rung": plain if last > 1 else None,
        "as written (trial 0)": plain | {"marker": "D"},
        "chosen": plain | {"marker": "*", "markersize": 10},
        "diverged": plain | {"marker": "x"} if trials["diverged"].notna().any() else None,
    }
    entries = [(name, look) for name, look in kinds.items() if look]
    if len(colours) > 1:
        entries += [
            (name, plain | {"color": colour, "marker": "s"}) for name, colour in colours.items()
        ]
    return entries


def _draw(page: Page, block: Block, top: float, colours: dict[str, str]) -> None:
    metric = block.trials["metric"].iloc[0]
    label = with_unit("Loss" if metric == "loss" else called(metric), metric)
    page.text(MARGIN, top + 0.06, block.method, size=BODY + 1, weight="bold")
    limits = metric_limits(metric, block.trials["shown"])
    for i, (setting, tried) in enumerate(block.tried.items()):
        row, column = divmod(i, COLUMNS)
        left = MARGIN + LEFT + column * (PANEL[0] + BETWEEN)
        height = ABOVE + PANEL[1] + BELOW
        axes = page.axes(left, top + TITLE + row * height + ABOVE, *PANEL)
        axes.set_ylim(*limits)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.grid(axis="y")
        if column:
            axes.tick_params(axis="y", labelleft=False, length=0)
        else:
            axes.set_ylabel(label)
        _set_range(axes, setting, tried)
        for fraction, own in block.trials.groupby("fraction", sort=False):
            _draw_trials(axes, own, setting, tried, colours[fraction])


def _set_range(axes: Axes, setting: str, tried: Tried) -> None:
    """The horizontal axis: the range from end to end, evenly as it is drawn from."""
    axes.set_xlim(-2 * BEYOND, 1 + 2 * BEYOND)
    values = tried.values
    # Decays below 1 need all their digits.
    texts = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]
    texts = [shorten(text, PANEL[0] / len(texts) - 0.03, SMALL) for text in texts]
    axes.set_xticks([place_of(tried, value) for value in values], texts, size=SMALL)
    if isinstance(tried.range, Choice):
        axes.set_xlim(0, 1)
    else:
        for text, side in zip(axes.get_xticklabels(), ("left", "right"), strict=True):
            text.set_ha(side)
    axes.axvline(place_of(tried, tried.as_written), color=FAINT, linewidth=0.8, linestyle=":")
    scale = "" if isinstance(tried.range, Linear | Whole | Choice) else " (log)"
    name = setting.partition(".")[2] or setting
    room = PANEL[0] + BETWEEN - 0.05 - text_width(scale, SMALL)
    axes.set_xlabel(shorten(name, room, SMALL) + scale, size=SMALL, labelpad=2)


def place_of(tried: Tried, value: Value) -> float:
    """Where a value is drawn: from 0 to 1 inside its range, on the scale that it is drawn evenly
    on, and a little outside if it lies outside."""
    tried_range = tried.range
    if isinstance(tried_range, Choice):
        known = list(tried_range.values)
        return (known.index(value) + 0.5) / len(known) if value in known else 1 + BEYOND
    if not tried_range.low <= value <= tried_range.high:
        return -BEYOND if value < tried_range.low else 1 + BEYOND
    return tried_range.share(value)


def _draw_trials(axes: Axes, trials: pd.DataFrame, setting: str, tried: Tried, colour: str) -> None:
    values = trials[setting].where(trials[setting].notna(), tried.as_written)
    trials = trials.assign(x=[place_of(tried, value) for value in values])
    for _, own in trials.groupby("trial"):
        axes.plot(own["x"], own["shown"], color=colour, linewidth=0.7, alpha=0.5, zorder=2)
    diverged = trials[trials["diverged"].notna()]
    at_foot = {"transform": axes.get_xaxis_transform(), "clip_on": False}
    axes.scatter(
        diverged["x"], [0.04] * len(diverged), s=AREA, marker="x", color=colour, linewidths=1,
        zorder=4, **at_foot,
    )  # fmt: skip
    scored = trials[trials["diverged"].isna()]
    is_last = scored["rung"] == trials["rung"].max()
    is_first_trial, is_chosen = scored["trial"] == 0, scored["chosen"].astype(bool)
    several = trials["rung"].nunique() > 1
    hollow, filled = (
        partial(axes.scatter, facecolors=face, edgecolors=edge, linewidths=width)
        for face, edge, width in (("white", colour, 0.9), (colour, "white", 0.5))
    )
    for which, draw, look in (
        (~(is_last & several) & ~is_first_trial, hollow, {"s": AREA, "zorder": 3}),
        (~(is_last & several) & is_first_trial, hollow, {"s": AREA, "marker": "D", "zorder": 4}),
        (is_last & several & ~is_first_trial & ~is_chosen, filled, {"s": AREA, "zorder": 4}),
        (is_last & several & is_first_trial, filled, {"s": LARGE, "marker": "D", "zorder": 5}),
        (is_chosen, filled, {"s": 3 * LARGE, "marker": "*", "zorder": 6}),
    ):
        draw(scored["x"][which], scored["shown"][which], **look)
