"""Settings of the learning rate over the steps."""

from typing import Literal, Self

from pydantic import Field

from fewmask.config.duration import DurationOrZero, in_steps
from fewmask.config.settings import Settings


class Schedule(Settings):
    """The learning rate over the steps: a linear warm-up from 0, then a decay to 0."""

    name: Literal["constant", "linear", "polynomial", "cosine"] = "constant"
    warmup_steps: DurationOrZero = 0
    power: float = Field(default=0.9, gt=0)
    """The exponent of the polynomial decay."""

    def in_steps(self, steps_per_epoch: float) -> Self:
        """The same with every duration in steps."""
        warmup_steps = in_steps(self.warmup_steps, steps_per_epoch)
        return self.model_copy(update={"warmup_steps": warmup_steps})

    def check_warmup(self, steps: int) -> None:
        """Raise ValueError if the warm-up, in steps, leaves none of a training's steps."""
        if self.warmup_steps >= steps:
            raise ValueError(
                f"schedule.warmup_steps ({self.warmup_steps}) must be fewer than steps ({steps})"
            )
