"""Settings of cross pseudo supervision."""

from typing import ClassVar, Literal

from pydantic import Field

from fewmask.objectives.consistency.options import Boxes
from fewmask.objectives.hard_pixels import LearnsMasks


class SeveralBoxes(Boxes):
    """Boxes of another image; where an even number of them overlaps, the image itself shows
    again."""

    probability: float = Field(default=1, ge=0, le=1)
    area: tuple[float, float] = (0.25, 0.5)
    """Range of the share of the image that all of them have together, overlaps counted twice."""
    count: int = Field(default=3, ge=1, le=100)
    """How many there are."""


class CPSSettings(LearnsMasks):
    """Let two networks learn each other's classes (Chen et al. 2021)."""

    name: Literal["cps"]
    mixing: SeveralBoxes | None = None
    """The boxes of other images that are pasted into unlabelled images; null: none, and the
    networks teach each other on labelled images too."""
    result: Literal["first", "mean"] = "first"
    """What is evaluated and kept: the first network (as the authors do), or the mean of the
    probabilities of both."""
    ramp_up: float = Field(default=0, ge=0, le=1)
    """The share of the training in which the weight of ``cross_supervision`` rises to 1, as in
    objectives with a teacher. 0, as in the paper: it is 1 at once."""

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "cross_supervision")

    @property
    def pairs(self) -> tuple[str, ...]:
        """Unlabelled images, if they are mixed."""
        return ("unlabelled",) if self.mixing else ()

    @property
    def result_networks(self) -> int:
        return 2 if self.result == "mean" else 1
