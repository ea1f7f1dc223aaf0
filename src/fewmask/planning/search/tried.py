"""What a search tries of a setting, as its rankings state it."""

from typing import Literal

from fewmask.config.ranges import Choice, Interval, Linear, Log, LogToOne, Range, Value, Whole
from fewmask.metrics.records import RecordPart

KINDS: dict[str, type[Interval]] = {
    "linear": Linear,
    "log": Log,
    "log_to_one": LogToOne,
    "whole": Whole,
}


class Tried(RecordPart):
    """The range of a setting, and its value in the method as it is written."""

    kind: Literal["linear", "log", "log_to_one", "whole", "choice"]
    values: list[Value]
    """The two ends, or all values of a choice."""
    as_written: Value
    """It may lie outside the range."""

    @classmethod
    def of(cls, tried: Range, as_written: Value) -> "Tried":
        """The record of a range."""
        if isinstance(tried, Choice):
            return cls(kind="choice", values=list(tried.values), as_written=as_written)
        kind = next(name for name, known in KINDS.items() if type(tried) is known)
        return cls(kind=kind, values=[tried.low, tried.high], as_written=as_written)

    @property
    def range(self) -> Range:
        """The range itself."""
        if self.kind == "choice":
            return Choice(tuple(self.values))
        return KINDS[self.kind](*self.values)
