"""Settings of cross pseudo supervision."""

from typing import ClassVar, Literal

from pydantic import Field

from fewmask.objectives.consistency.options import Boxes, BoxProbability
from fewmask.objectives.two_networks.options import TwoNetworksSettings


class SeveralBoxes(Boxes):
    """Boxes of another image; where an even number of them overlaps, the image itself shows
    again."""

    probability: BoxProbability = 1
    area: tuple[float, float] = (0.25, 0.5)
    """Range of the share of the image that all of them have together, overlaps counted twice."""
    count: int = Field(default=3, ge=1, le=100)
    """How many there are."""


class CPSSettings(TwoNetworksSettings):
    """Let two networks learn each other's classes (Chen et al. 2021)."""

    name: Literal["cps"]
    mixing: SeveralBoxes | None = None
    """The boxes of other images that are pasted into unlabelled images; null: none, and the
    networks teach each other on labelled images too."""

    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "cross_supervision")

    @property
    def pairs(self) -> tuple[str, ...]:
        """Unlabelled images, if they are mixed."""
        return ("unlabelled",) if self.mixing else ()
