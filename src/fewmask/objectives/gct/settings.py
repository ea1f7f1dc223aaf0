"""Settings of guided collaborative training."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewmask.config.ranges import Linear, Log, Range
from fewmask.objectives.adversarial.options import Discriminator, check_halvings
from fewmask.objectives.consistency.options import RampUp
from fewmask.objectives.two_networks.options import TwoNetworksSettings


class GCTSettings(TwoNetworksSettings):
    """Let two networks learn from the one that is less wrong at a pixel, which a third network
    finds out (Ke et al. 2020)."""

    name: Literal["gct"]
    detector: Discriminator = Discriminator()
    """The network that predicts where others are wrong."""
    threshold: Annotated[float, Field(ge=0, le=1), Linear(0.3, 0.9)] = 0.6
    """The flaw above which a network is wrong at a pixel; 1 is the largest one of an image."""
    ramp_up: RampUp = 0.15
    """The share of the training in which the weight of ``consistency`` rises to 1, as in objectives
    with a teacher."""

    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "flaw_correction", "consistency")

    unusual_weights: ClassVar[dict[str, Range]] = {"consistency": Log(0.5, 50.0)}

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        # Of a single flaw nothing could be told: it would be the largest one.
        check_halvings(self, "detector", 1, (height, width), left=2)
        return height, width
