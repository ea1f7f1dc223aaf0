"""What a benchmark hands back, and how two ways are measured in turns."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass(frozen=True)
class Figure:
    """One row of the table: a ratio, or seconds, measured in several turns."""

    what: str
    """What was measured, with its sizes: ``U-Net ResNet-18, 64 px, batch 32``."""
    against: str
    """What it was measured against, or what the seconds are counted from."""
    values: Sequence[float]
    """One of each turn."""
    target: float | None = None
    """What the median should reach; None where there is nothing to reach."""
    unit: str = "x"
    """``x`` for a ratio, ``s`` for seconds."""
    at_most: bool = False
    """Whether the target is a limit from above."""
    details: Mapping[str, float] = field(default_factory=dict)
    """Further numbers for the JSON file; names say their unit: ``images_per_second``."""

    @property
    def median(self) -> float:
        """Of the values."""
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
        """Whether the median reaches the target; None where there is none."""
        if self.target is None:
            return None
        return self.median <= self.target if self.at_most else self.median >= self.target


Seconds = dict[str, list[float]]
"""What each way took in each turn, by its name."""


def in_turns(ways: Mapping[str, Callable[[], object]], turns: int = 5, warm_up: int = 1) -> Seconds:
    """Time several ways in turns, ABAB..., so that whatever else the machine does hits all alike.

    Args:
        ways: functions that do one turn's work and return when it is done, a GPU's included.
        turns: how often each is timed.
        warm_up: how often each is run before, untimed.
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
    """How often a short way is to be repeated for a turn of about ``seconds``; it is run thrice."""
    way()
    started = time.perf_counter()
    way()
    way()
    return max(1, round(2 * seconds / (time.perf_counter() - started)))


def speed_up(seconds: Seconds, way: str, against: str) -> list[float]:
    """How many times as fast ``way`` is as ``against``, turn by turn."""
    return [b / a for a, b in zip(seconds[way], seconds[against], strict=True)]
