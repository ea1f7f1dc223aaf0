"""The base of objectives of consistency."""

import math
from abc import abstractmethod

from torch import Tensor

from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.consistency.options import ConsistencySettings
from fewmask.objectives.taught import Taught


class Consistency(Taught):
    """``cross_entropy`` of labelled images, and losses of unlabelled ones whose weight rises.

    With few steps the first predictions of a teacher are wrong and yet sure, and a student that
    learnt them would not unlearn them in time.
    """

    supervised_losses: tuple[str, ...] = ("cross_entropy",)
    """The losses of labelled images, whose weight is 1 from the start."""

    def __init__(self, options: ConsistencySettings, blueprint: Blueprint) -> None:
        super().__init__(blueprint.segmenter(), options.teacher_decay, options.result)
        self.options, self.steps = options, blueprint.steps

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        weight = ramp_up(step, self.options.ramp_up * self.steps)
        return {
            name: loss if name in self.supervised_losses else weight * loss
            for name, loss in self.full_losses(batches, step).items()
        }

    @abstractmethod
    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        """The losses of a step as they are once the weight has risen."""


def ramp_up(step: int, steps: float) -> float:
    """A weight that rises from exp(-5) to 1 within so many steps (Tarvainen and Valpola 2017)."""
    missing = max(0.0, 1 - step / steps) if steps else 0.0
    return math.exp(-5 * missing**2)
