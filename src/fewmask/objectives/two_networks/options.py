"""Settings that objectives of two networks share."""

from typing import ClassVar, Literal

from fewmask.objectives.consistency.options import RampUp
from fewmask.objectives.hard_pixels import LearnsMasks


class TwoNetworksSettings(LearnsMasks):
    """Base of those that train two networks alike."""

    result: Literal["first", "mean"] = "first"
    """What is evaluated and kept: the first network (as the authors do), or the mean of the
    probabilities of both."""
    ramp_up: RampUp = 0
    """The share of the training in which the weight of what they learn from each other rises to 1,
    as in objectives with a teacher; 0: it is 1 at once."""

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")

    @property
    def result_networks(self) -> int:
        return 2 if self.result == "mean" else 1
