"""The result of a benchmark, and how several ways are timed in turns."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass(frozen=True)
class Measurement:
    """One row of the table: a ratio, or seconds, measured in several turns."""

    what: str
    """What was measured, with sizes: ``U-Net ResNet-18, 64 px, batch 32``."""
    against: str
    """What it is compared with, or the moment from which seconds are counted."""
    values: Sequence[float]
    """One value for each turn."""
    target: float | None = None
    """The value that the median should reach; None if there is no target."""
    unit: str = "x"
    """``x`` for a ratio, ``s`` for seconds."""
    at_most: bool = False
    """Whether the target is an upper limit."""
    details: Mapping[str, float] = field(default_factory=dict)
    """Further numbers for the JSON file, with their units in their names: ``images_per_second``."""

    @property
    def median(self) -> float:
        """The median of the values."""
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The lower and the upper quartile of the values."""
        if len(self.values) < 2:
            return self.values[0], self.values[0]
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return low, high

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the target; None if there is no target."""
        if self.target is None:
            return None
        return self.median <= self.target if self.at_most else self.median >= self.target


Seconds = dict[str, list[float]]
"""The seconds of every turn, by the name of the way."""


def in_turns(ways: Mapping[str, Callable[[], object]], turns: int = 5, warm_up: int = 1) -> Seconds:
    """Time several ways in turns, ABAB..., so that other load on the machine affects all alike.

    Args:
        ways: functions that do the work of one turn and return when it is done, also on a GPU.
        turns: how often each is timed.
        warm_up: how often each is run before that, untimed.
    """
    for _ in range(warm_up):
        for way in ways.values():
            way()
    seconds: Seconds = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def repeats(way: Callable[[], object], seconds: float = 2.0) -> int:
    """How often to repeat a short way for a turn of about ``seconds``; runs it three times."""
    way()
    started = time.perf_counter()
    way()
    way()
    return max(1, round(2 * seconds / (time.perf_counter() - started)))


def speed_up(seconds: Seconds, way: str, against: str) -> list[float]:
    """The speed of ``way`` divided by that of ``against``, turn by turn."""
    return [b / a for a, b in zip(seconds[way], seconds[against], strict=True)]
