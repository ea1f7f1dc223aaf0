"""The table of metrics: what each is called and measured in, and what it follows from.

A metric is one entry, registered beside the code that computes it: in this package, or in the
module of its task. Everything else (selection on
validation images, evaluation, tables, figures, intervals) asks this table, by `find` or by one of
the lists below, so that no other code names the metrics.

Importing this module does not import torch: planning and reports need it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Literal

from fewmask.core.errors import FewmaskError

if TYPE_CHECKING:
    import numpy as np

    from fewmask.metrics.counts import Counts

Occasion = Literal["validation", "test", "runs", "pseudo_masks"]

TASKS = "fewmask.tasks"
"""Whose modules may register metrics, too."""

HIGHEST = {"%": 1.0, "°": 180.0}
"""Where the range of metrics ends, by their unit."""


@dataclass(frozen=True)
class Metric:
    """One metric, of all classes together, of every class, or both."""

    name: str
    """In settings, files and tables."""
    title: str
    """What it is called in tables and figures."""
    unit: Literal["%", "m", "°", ""] = "%"
    """``%`` for shares, which are kept in [0, 1] and written in percent."""
    higher_is_better: bool = True
    measured_on: tuple[Occasion, ...] = ("validation", "test")
    """Validation images, test images, pseudo-masks; ``runs``: it compares runs with one another."""
    task: str = "segmentation"
    """The task whose predictions it judges; empty: that of any task."""
    from_counts: Callable[[Counts], np.ndarray] | None = None
    """Its value from pixels that are counted by class: (..., K) -> (...); None: it does not follow
    from these."""
    of_classes: bool = False
    """Whether every class has a value of its own, called ``NAME_CLASS``."""
    class_from_counts: Callable[[Counts], np.ndarray] | None = None
    """The values of the classes: (..., K) -> (..., K); None: they do not follow from counts."""
    in_delta_m: bool = False
    """Whether `fewmask.metrics.delta_m` counts it for its task."""
    mean_over_images: bool = False
    """Whether that of several images is the mean of theirs, not that of their pixels together."""
    of_class: str = ""
    """The class whose metric it is; empty: it is that of all."""

    @property
    def highest(self) -> float:
        """Where its range, which begins at 0, ends."""
        return HIGHEST.get(self.unit, float("inf"))

    @property
    def has_sign(self) -> bool:
        """Whether it may be below 0: only what compares runs is."""
        return "runs" in self.measured_on

    @property
    def can_be_resampled(self) -> bool:
        """Whether its value for any set of test images follows from what is kept of each image."""
        values = self.class_from_counts if self.of_class else self.from_counts
        return values is not None


_TABLE: dict[str, Metric] = {}


def _table() -> dict[str, Metric]:
    """The table, with the metrics that tasks bring along."""
    _import_tasks()
    return _TABLE


@cache
def _import_tasks() -> None:
    for task in iter_modules(import_module(TASKS).__path__, f"{TASKS}."):
        import_module(task.name)


def register(*metrics: Metric) -> None:
    """Add metrics to the table. Raises ValueError for a name that is taken."""
    for metric in metrics:
        if metric.name in _TABLE:
            raise ValueError(f"the metric {metric.name} is registered twice")
        _TABLE[metric.name] = metric


def find(name: str) -> Metric:
    """A metric by its name, or that of a class by a name such as ``iou_pet``.

    The class is written exactly as in its dataset, with its capitals and spaces. Raises
    FewmaskError: there is no such metric.
    """
    metric = lookup(name)
    if metric is None:
        raise FewmaskError(f"there is no metric {name}\n  known: {', '.join(_table())}")
    return metric


def lookup(name: str) -> Metric | None:
    """The same; None if there is no such metric."""
    if name in _table():
        return _table()[name]
    for metric in class_metrics():
        of_class = name.removeprefix(f"{metric.name}_")
        if of_class not in ("", name):
            return replace(metric, name=name, title=f"{metric.title} of {of_class}",
                           of_class=of_class)  # fmt: skip
    return None


def measured_on(occasion: Occasion, task: str | None = None) -> list[Metric]:
    """The metrics of an occasion, of one task or of all, in the order of tables."""
    return [
        metric
        for metric in _table().values()
        if occasion in metric.measured_on and task in (None, metric.task)
    ]


def in_delta_m(task: str) -> list[Metric]:
    """What a task is judged by in delta_m."""
    return [metric for metric in _table().values() if metric.in_delta_m and metric.task == task]


def class_metrics() -> list[Metric]:
    """The metrics that every class has one of."""
    return [metric for metric in _table().values() if metric.of_classes]


def counted() -> list[Metric]:
    """The metrics, of all classes together, that follow from counted pixels."""
    return [metric for metric in _table().values() if metric.from_counts is not None]


def names(metrics: list[Metric]) -> list[str]:
    """Their names."""
    return [metric.name for metric in metrics]
