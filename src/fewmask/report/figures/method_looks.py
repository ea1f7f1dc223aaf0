"""How methods look: each has a colour and a marker, the same in all figures of an experiment.

With more methods than colours, only some have one: the reference, upper bounds, and those that do
best. The others are thin and grey.
"""

import pandas as pd

from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested
from fewmask.report.figures.panels import Looks, samples_of
from fewmask.report.figures.style import COLOURS, GREY, MARKERS

OTHERS = "others"
"""The name of grey methods in legends."""

GREY_LOOK = (GREY, ".")

MOST_SHOWN = 30
"""The number of rows, one a method and dataset, up to which figures show images and curves of all
methods: more are looked through by nobody, and take most of the time of all figures."""


def method_looks(requested: Requested, summary: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and marker of every method, grey ones first, as what is drawn later covers them.

    ``summary`` is what ``summary`` returns; the best are those of the lowest mean rank in the first
    metric of the experiment, over datasets and fractions.
    """
    coloured = _coloured(requested, summary)
    grey = {method: GREY_LOOK for method in requested.methods if method not in coloured}
    return grey | {
        method: (COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)])
        for i, method in enumerate(coloured)
    }


def is_grey(look: tuple[str, str]) -> bool:
    """Whether a method has no colour of its own."""
    return look == GREY_LOOK


def by_look(looks: dict[str, tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """The methods of every look: all grey ones share one, so that they can be drawn together."""
    methods: dict[tuple[str, str], list[str]] = {}
    for method, look in looks.items():
        methods.setdefault(look, []).append(method)
    return methods


def legend_of(requested: Requested, looks: dict[str, tuple[str, str]]) -> list[tuple[str, Looks]]:
    """The entries of methods in a legend; one for all grey ones, which is the last."""
    own = {requested.title_of(name): look for name, look in looks.items() if not is_grey(look)}
    return samples_of(own | {OTHERS: GREY_LOOK} if len(own) < len(looks) else own)


def shown_methods(requested: Requested, summary: pd.DataFrame) -> list[str]:
    """The methods of which figures show images, training curves and single classes: all, or those
    that have a colour where all are more than `MOST_SHOWN`."""
    if len(requested.methods) * len(requested.datasets) <= MOST_SHOWN:
        return requested.methods
    return _coloured(requested, summary)


def left_out_note(requested: Requested, shown: list[str]) -> str:
    """What a figure's note says of methods that are not shown; nothing where all are."""
    if len(shown) == len(requested.methods):
        return ""
    return (
        f" Shown are {len(shown)} of {len(requested.methods)} methods: the reference, upper "
        "bounds, and the best by mean rank. For others, run snakemake --config 'methods=[A, B]' "
        "-- partial."
    )


def with_metric(
    looks: dict[str, tuple[str, str]], summary: pd.DataFrame, metric: str
) -> dict[str, tuple[str, str]]:
    """The looks of the methods that have a metric; of all methods if none has it yet."""
    has_it = summary[f"{metric}_mean"].notna() if f"{metric}_mean" in summary else []
    shown = set(summary["method"][has_it]) if any(has_it) else set(looks)
    return {method: look for method, look in looks.items() if method in shown}


def grey_note(looks: dict[str, tuple[str, str]]) -> str:
    """What a figure's note says of grey methods; nothing where there are none."""
    n = sum(map(is_grey, looks.values()))
    return f" Thin and grey: the {n} methods that did worst, by mean rank." * (n > 0)


def _coloured(requested: Requested, summary: pd.DataFrame) -> list[str]:
    """The methods that have a colour, in the order of the experiment."""
    if len(requested.methods) <= len(COLOURS):
        return requested.methods
    always = {requested.compared_with, *requested.all_masks}
    best = [method for method in _by_rank(requested, summary) if method not in always]
    chosen = {*always, *best[: max(len(COLOURS) - len(always), 1)]}
    return [method for method in requested.methods if method in chosen]


def _by_rank(requested: Requested, summary: pd.DataFrame) -> list[str]:
    metric = requested.metrics[0]
    if f"{metric}_mean" not in summary:
        return requested.methods
    ranks = summary.groupby(["dataset", "fraction"])[f"{metric}_mean"].rank(
        ascending=not metrics.find(metric).higher_is_better, na_option="bottom"
    )
    means = ranks.groupby(summary["method"]).mean().reindex(requested.methods)
    return list(means.sort_values(kind="stable").index)
