"""The range of a setting that a search tries, declared beside the setting:
``Annotated[float, Log(1e-4, 1e-2)]``."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Value = float | int | str | bool
DIGITS = 4
"""To how many significant digits drawn numbers are rounded, so that people can read them."""


@dataclass(frozen=True)
class Interval:
    """Base of the ranges of numbers between two ends."""

    low: float
    high: float

    def at(self, share: float) -> Value:
        """The value at a share, in [0, 1), of the range."""
        return min(max(self._number(share), self.low), self.high)

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the lower end or below it, and 1 at the upper one or above."""
        inside = min(max(value, self.low), self.high)
        low, high, at = map(self._scaled, (self.low, self.high, inside))
        return (at - low) / (high - low) if high > low else 0.5

    def narrowed(self, to: list[Any]) -> "Interval":
        """The part of the range between two numbers. Raises ValueError: it is no part of it."""
        if len(to) != 2 or not all(map(self._allows, to)) or to[0] > to[1]:
            raise ValueError(f"expected two {self.numbers}, the smaller one first")
        if to[0] < self.low or to[1] > self.high:
            raise ValueError(f"wider than the setting's own range, {self}")
        return type(self)(*to)

    numbers = "numbers"

    def _allows(self, value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value)

    def _number(self, share: float) -> float:
        return _rounded(self.low + share * (self.high - self.low))

    def _scaled(self, value: float) -> float:
        return value

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


class Linear(Interval):
    """Numbers of which all parts of the range are equally likely."""


class Log(Interval):
    """Positive numbers whose logarithm is drawn evenly."""

    def _number(self, share: float) -> float:
        return _rounded(self.low * (self.high / self.low) ** share)

    def _scaled(self, value: float) -> float:
        return math.log(value)


class LogToOne(Interval):
    """Numbers below 1 whose distance from 1 is drawn evenly on a logarithmic scale: decays."""

    def _number(self, share: float) -> float:
        gap = (1 - self.low) * ((1 - self.high) / (1 - self.low)) ** share
        return round(1 - _rounded(gap), 12)

    def _scaled(self, value: float) -> float:
        return -math.log(1 - value)


class Whole(Interval):
    """Whole numbers, both ends included."""

    numbers = "whole numbers"

    def at(self, share: float) -> Value:
        return int(self.low + math.floor(share * (self.high - self.low + 1)))

    def _allows(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Choice:
    """Some values in no order."""

    values: tuple[Value, ...]

    def at(self, share: float) -> Value:
        """The value at a share, in [0, 1), of the range."""
        return self.values[int(share * len(self.values))]

    def narrowed(self, to: list[Any]) -> "Choice":
        """Some of the values. Raises ValueError: there are others among them, or none."""
        if not to or any(value not in self.values for value in to):
            raise ValueError(f"expected some of {', '.join(map(str, self.values))}")
        return Choice(tuple(to))

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.values))}]"


Range = Interval | Choice
Narrowed = dict[str, list[Value] | None]
"""What files say of ranges, by the path of the setting: a part of its range; None: not searched."""
Ranges = dict[str, Range]
"""By the path of a setting, such as ``optimiser.learning_rate``."""


def declared(settings: BaseModel) -> Ranges:
    """The ranges of all settings inside some settings; not of those that are null."""
    return dict(_declared(settings, ""))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _declared(settings: BaseModel, before: str) -> Iterator[tuple[str, Range]]:
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _declared(value, f"{before}{name}.")
        elif value is not None and (range_of := _range(field)):
            yield f"{before}{name}", range_of


def _range(field: FieldInfo) -> Range | None:
    """The range of a setting, also of one that may be null."""
    is_union = get_origin(field.annotation) in (Union, UnionType)
    choices = get_args(field.annotation) if is_union else ()
    inside = (one for choice in choices for one in get_args(choice)[1:])
    return next((one for one in (*field.metadata, *inside) if isinstance(one, Range)), None)
