"""How metrics are called and written for people: shares in percent, all else as it is."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested

NOTHING = "–"

Row = pd.Series | Mapping[str, Any]
"""A row of a table, by column."""


def called(metric: str) -> str:
    """What a metric is called: ``mIoU``, ``IoU of pet``, ``Focal loss``."""
    return metrics.find(metric).title


def title(metric: str) -> str:
    """What heads a metric's column: ``mIoU (%)``, ``IoU of pet (%)``, ``Focal loss``."""
    return with_unit(called(metric), metric)


def axis_title(metric: str) -> str:
    """What is written beside an axis: ``mIoU on the test set (%)``."""
    return with_unit(f"{called(metric)} on the test set", metric)


def with_unit(text: str, metric: str) -> str:
    """A text, and a metric's unit in brackets if it has one."""
    unit = metrics.find(metric).unit
    return f"{text} ({unit})" if unit else text


def number(metric: str, value: float | None) -> str:
    """A value: shares in percent and angles with one decimal, all else with three."""
    if pd.isna(value):
        return NOTHING
    unit = metrics.find(metric).unit
    if unit == "%":
        return f"{100 * value:z.1f}"
    return f"{value:z.1f}" if unit == "°" else f"{value:z.3f}"


def signed(metric: str, difference: float | None) -> str:
    """A difference between two values, with its sign if it is not 0 as it is printed."""
    shown = number(metric, difference)
    return f"+{shown}" if shown != NOTHING and float(shown) > 0 else shown


def interval_text(
    metric: str, low: float, high: float, written: Callable[[str, float], str]
) -> str:
    """An interval, its ends as ``written`` (`number`, `signed`) has them."""
    ends = [low, high]
    return NOTHING if pd.isna(ends).any() else " to ".join(written(metric, end) for end in ends)


def with_spread(metric: str, mean: float | None, std: float | None) -> str:
    """A mean, and its standard deviation if it is known."""
    shown = number(metric, mean)
    return shown if pd.isna(std) else f"{shown} ± {number(metric, std)}"


def hours_text(hours: float | None) -> str:
    """Hours; 0.01 is about half a minute."""
    return NOTHING if pd.isna(hours) else f"{hours:.2f}"


def ranked(metric: str, means: pd.Series) -> list[str]:
    """Means as they are printed, each once, so that equal values look equal: best first."""
    ordered = means.dropna().sort_values(ascending=not metrics.find(metric).higher_is_better)
    return list(dict.fromkeys(number(metric, mean) for mean in ordered))


def masks_text(requested: Requested, row: Row) -> str:
    """How many masks were drawn for a row: ``all`` for upper bounds."""
    return "all" if row["method"] in requested.all_masks else count_text(row["masks"])


def search_notes(requested: Requested) -> list[str]:
    """What the masks of methods count whose settings a search has chosen, in a note."""
    if not requested.searches:
        return []
    return [
        "(searched): with the settings that a search has chosen. Its seeds have masks of other "
        "images, which trained and ranked the trials: Masks counts these, too, each image once."
    ]


def spread_text(requested: Requested) -> str:
    """What values with a spread are, in a note."""
    if len(requested.seeds) == 1:
        return "one seed"
    return f"mean ± sample standard deviation over {requested.seeds_of_cells} seeds"


def seeds_text(row: Row) -> str:
    """How many seeds a row is made of, and of how many if some are missing."""
    seeds, requested = row["seeds"], row["seeds_requested"]
    return f"{seeds}" if seeds == requested else f"{seeds} of {requested}"


def count_text(masks: float) -> str:
    """A number of images; with a decimal only where it is a mean that needs one."""
    if pd.isna(masks):
        return NOTHING
    return f"{masks:.0f}" if masks % 1 == 0 else f"{masks:.1f}"


def count_range(counts: pd.Series) -> str:
    """The least and the largest of some numbers of images; one number where they are equal."""
    return " to ".join(dict.fromkeys(map(count_text, (counts.min(), counts.max()))))


def rows_of(table: pd.DataFrame) -> list[Row]:
    """The rows of a table; as series they would take twenty times as long to make and to read."""
    return table.to_dict("records")


def by_fraction(table: pd.DataFrame) -> Iterator[Row]:
    """The rows of a table with those of one dataset and fraction together."""
    for _, group in table.groupby(["dataset", "fraction"], sort=False):
        yield from rows_of(group)
