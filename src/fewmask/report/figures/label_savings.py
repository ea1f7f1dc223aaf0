"""The figure of label savings: images that the reference would need against images used."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from fewmask.planning.requested import Requested
from fewmask.report.figures.method_looks import (
    by_look,
    grey_note,
    is_grey,
    legend_of,
    method_looks,
)
from fewmask.report.figures.panels import (
    dots,
    is_first_in_row,
    panel_page,
    say_nothing,
    set_masks_axis,
    shifted,
    shifts,
    step,
)
from fewmask.report.figures.style import FAINT, RULE, SMALL, STYLED
from fewmask.report.tables.columns import count_text

BAND = 0.13
"""The height of the bands beyond and below the curve, as a share of the curve's extent."""

APART = 0.1
"""Inches by which methods are shifted sideways: all those beyond the curve have one height."""

FACTORS = (0.25, 0.5, 1, 2, 4, 8, 16)


@STYLED
def savings_figure(requested: Requested, summary: pd.DataFrame, savings: pd.DataFrame) -> Figure:
    """Draw the masks that the reference needs: a panel per dataset, a marker per cell.

    Args:
        requested: the experiment.
        summary: what ``summary`` returns: the ticks are the numbers of masks.
        savings: what ``label_savings`` returns.
    """
    shown = [method for method in requested.methods if method in set(savings["method"])]
    looks = method_looks(requested, summary)
    looks = {method: look for method, look in looks.items() if method in shown} or looks
    coloured = [method for method in shown if not is_grey(looks[method])]
    note = _note(requested, savings) + grey_note(looks)
    page, panels, width = panel_page(
        requested.title, note, legend_of(requested, looks), requested.datasets
    )
    for i, (dataset, axes) in enumerate(zip(requested.datasets, panels, strict=True)):
        own = savings[(savings["dataset"] == dataset) & savings["needed"].notna()]
        if own.empty:
            say_nothing(axes, "no label savings known")
            continue
        masks = summary[summary["dataset"] == dataset]["masks"].dropna()
        counts = sorted(masks.astype(float).unique())
        _set_axes(axes, own, counts, width)
        _draw_factors(axes, own, counts)
        used = sorted(own["masks"].astype(float).unique())
        apart = step(axes, used, len(coloured), width, most=APART)
        of_methods = shifts(coloured, apart)
        for look, methods in by_look(looks).items():
            cells = own[own["method"].isin(methods)]
            _draw_methods(axes, cells, look, of_methods.get(methods[0], 0))
        if is_first_in_row(i, len(panels)):
            axes.set_ylabel("Masks needed (log scale)")
    return page.figure


def _note(requested: Requested, savings: pd.DataFrame) -> str:
    if savings.empty:
        return f"The experiment has no method to compare with {requested.reference_title}."
    parts = [
        f"Needed: the masks that {requested.reference_title} would need for the same score.",
        "Grey: beyond and below its curve. Dashes: equal factors, needed / masks.",
    ]
    if savings["needed_low"].notna().any():
        parts.append("Bars: 95 % intervals (bootstrap).")
    if (savings["seeds"] < savings["seeds_requested"]).any():
        parts.append("Hollow: fewer seeds than requested.")
    return " ".join(parts)


def _set_axes(axes: Axes, savings: pd.DataFrame, counts: list[float], width: float) -> None:
    """Both axes logarithmic; the vertical one spans the curve and a band on either side."""
    set_masks_axis(axes, counts, width)
    low, high = _extent(savings)
    edge = (high / low) ** BAND
    axes.set_yscale("log")
    axes.set_ylim(low / edge, high * edge)
    ticks = [count for count in counts if low <= count <= high]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticks(ticks, [count_text(count) for count in ticks])
    bands = {"below": (low / edge, low), "beyond": (high, high * edge)}
    for name, (bottom, top) in bands.items():
        axes.axhspan(bottom, top, color=RULE, alpha=0.45, linewidth=0, zorder=0)
        axes.annotate(
            name, (0, math.sqrt(bottom * top)), (-3, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", size=SMALL, ha="right", va="center_baseline",
        )  # fmt: skip


def _extent(savings: pd.DataFrame) -> tuple[float, float]:
    """Where the reference's curve of a dataset begins and ends."""
    return float(savings["curve_from"].min()), float(savings["curve_to"].max())


def _draw_factors(axes: Axes, savings: pd.DataFrame, counts: list[float]) -> None:
    """Lines along which the reference needs the same multiple of the images used."""
    (left, right), (low, high) = axes.get_xlim(), _extent(savings)
    # Labelled between the counts, where there are no markers.
    edges = np.log(counts if len(counts) > 1 else [left, *counts, right])
    free = np.exp([edges[:-1] + share * np.diff(edges) for share in (0.25, 0.5, 0.75)]).ravel()
    for factor in FACTORS:
        begin, end = max(left, low / factor), min(right, high / factor)
        places = [place for place in free if begin < place < end]
        if not places:
            continue
        dashes = "solid" if factor == 1 else (0, (4, 3))
        axes.plot(
            [begin, end], [factor * begin, factor * end], color=FAINT, linewidth=0.7,
            linestyle=dashes, zorder=1,
        )  # fmt: skip
        middle = min(places, key=lambda place: abs(math.log(place**2 / (begin * end))))
        axes.text(
            middle, factor * middle, f"×{factor:g}", size=SMALL, color=FAINT, ha="center",
            va="center", zorder=1.5, bbox={"facecolor": "white", "linewidth": 0, "pad": 1},
        )  # fmt: skip


def _draw_methods(axes: Axes, cells: pd.DataFrame, look: tuple[str, str], shift: float) -> None:
    (colour, _), place = look, shifted(axes, shift)
    masks = cells["masks"].to_numpy(float)
    bottom, top = axes.get_ylim()
    low, high = _extent(cells)
    needed = cells["needed"].to_numpy(float)
    needed = np.where(needed == 0, math.sqrt(low * bottom), needed)
    needed = np.where(np.isinf(needed), math.sqrt(high * top), needed)
    ends = [cells[f"needed_{end}"].to_numpy(float).clip(bottom, top) for end in ("low", "high")]
    if not is_grey(look):
        axes.vlines(masks, *ends, color=colour, linewidth=1, transform=place, zorder=3)
    dots(axes, masks, needed, cells, look, place)
