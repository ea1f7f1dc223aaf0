"""Settings of objectives that learn the masks of labelled images."""

from pydantic import Field

from fewmask.config.objective import ObjectiveSettings
from fewmask.config.settings import Settings


class HardPixels(Settings):
    """Labelled pixels that count alone, for the network knows them least (online hard example
    mining, Shrivastava et al. 2016)."""

    threshold: float = Field(default=0.7, gt=0, le=1)
    """The highest probability that the true class of such a pixel may have."""
    least: float = Field(default=0.15, gt=0, le=1)
    """The share of the labelled pixels of a step that count at least, those with the lowest
    probability. In the code of UniMatch they are 200,000 of two images of 801 x 801 pixels."""


class LearnsMasks(ObjectiveSettings):
    """Base of those with a ``cross_entropy`` against masks of labelled images."""

    hard_pixels: HardPixels | None = None
    """The labelled pixels that the cross-entropy is the mean of; null: all."""
