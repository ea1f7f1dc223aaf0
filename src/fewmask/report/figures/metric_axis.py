"""The vertical axis of figures that show one metric of runs, of cells, and as published."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from fewmask.metrics import table as metrics
from fewmask.report.figures.panels import limits_around
from fewmask.report.figures.style import FAINT

PUBLISHED_LOOKS = {
    "color": FAINT, "linestyle": (0, (3, 2)), "linewidth": 1,
    "marker": "_", "markersize": 11, "markeredgewidth": 1.5,
}  # fmt: skip
"""The style of published values; those of a method have its colour."""


def in_units(metric: str, values: pd.Series) -> pd.Series:
    """Values of a metric as the axis shows them: shares in percent."""
    return (100 if metrics.find(metric).unit == "%" else 1) * values.astype(float)


def with_values(metric: str, cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of the summary with ``mean``, ``std`` and ``published`` of a metric, as the axis shows
    them; NaN where there is none."""
    nothing = pd.Series(np.nan, cells.index)
    parts = ("mean", "std", "published")
    columns = {part: cells.get(f"{metric}_{part}", nothing) for part in parts}
    return cells.assign(**{part: in_units(metric, column) for part, column in columns.items()})


def metric_limits(metric: str, values: pd.Series) -> tuple[float, float]:
    """The limits of an axis around values of a metric, as the axis shows them."""
    if metrics.find(metric).unit == "%":
        return limits_around(values.to_numpy(float))
    low, high = values.min(), values.max()
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1
    return low - margin, high + margin


def set_metric_axis(axes: Axes, metric: str, cells: pd.DataFrame, runs: pd.Series) -> None:
    """Limits around what is drawn, and a few ticks.

    ``cells`` is what `with_values` returns, ``runs`` the values of single runs.
    """
    std = cells["std"].fillna(0)
    values = pd.concat([cells["mean"] - std, cells["mean"] + std, cells["published"], runs])
    axes.set_ylim(*metric_limits(metric, values))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
