"""Settings of PrevMatch."""

from typing import ClassVar, Literal

from pydantic import Field

from fewmask.objectives.consistency.options import Confidence, Threshold
from fewmask.objectives.unimatch.settings import UniMatchSettings


class PreviousConfidence(Confidence):
    """The threshold of means of several predictions, which are less sure."""

    threshold: Threshold = 0.9


class PrevMatchSettings(UniMatchSettings):
    """UniMatch, with what the student predicted earlier in its training (Shin et al. 2024)."""

    name: Literal["prevmatch"]
    snapshots: int = Field(default=8, ge=1, le=64)
    """How many earlier states of the student are kept; a new one replaces the oldest."""
    taken: int = Field(default=16, ge=1, le=10_000)
    """How many are taken in all, evenly over the training. The paper takes one whenever the
    validation images say that it is the best so far; here they have no say in the training."""
    most_chosen: int = Field(default=3, ge=1, le=64)
    """A step asks between one and so many of them."""
    previous_confidence: PreviousConfidence = PreviousConfidence()
    """Which pixels count in ``previous``. For Cityscapes the authors count every pixel there, times
    the mean confidence of its image, a rule that there is not here."""

    loss_names: ClassVar[tuple[str, ...]] = (
        "cross_entropy",
        "consistency",
        "feature_consistency",
        "previous",
    )
