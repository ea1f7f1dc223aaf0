"""Durations: a number of steps, or of epochs as in ``60 epochs``."""

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

EPOCHS = r"^(\d{1,6}(?:\.\d{1,6})?) epochs?$"
MOST_STEPS = 10**9


def _duration(least: int) -> Any:
    def check(value: Any) -> int | str:
        epochs = re.fullmatch(EPOCHS, value) if isinstance(value, str) else None
        is_number = isinstance(value, int) and not isinstance(value, bool)
        is_steps = is_number and least <= value <= MOST_STEPS
        if not is_steps and (epochs is None or not float(epochs[1])):
            raise ValueError(
                f"must be a number of steps, {least} to {MOST_STEPS:,}, or of epochs: '60 epochs'"
            )
        return value

    steps = {"type": "integer", "minimum": least, "maximum": MOST_STEPS}
    schema = WithJsonSchema({"anyOf": [steps, {"type": "string", "pattern": EPOCHS}]})
    return Annotated[int | str, BeforeValidator(check), schema]


Duration = _duration(least=1)
DurationOrZero = _duration(least=0)


def in_steps(duration: int | str, steps_per_epoch: float) -> int:
    """A duration as a whole number of steps; one of epochs is rounded up."""
    if isinstance(duration, int):
        return duration
    epochs = float(duration.split()[0])
    # Rounded first: 0.1 * 30 is a little more than 3.
    return math.ceil(round(epochs * steps_per_epoch, 6))
