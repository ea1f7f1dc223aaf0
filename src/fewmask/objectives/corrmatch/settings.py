"""Settings of CorrMatch."""

from typing import ClassVar, Literal

from pydantic import Field

from fewmask.config.augmentation import Probability
from fewmask.objectives.consistency.options import Confidence, Decay, Threshold
from fewmask.objectives.unimatch.settings import UniMatchSettings


class AdaptiveConfidence(Confidence):
    """A threshold that follows how confident the predictions are."""

    threshold: Threshold = 0.85
    """The threshold of the first step, which is also what shares of regions must reach."""
    decay: Decay | None = 0.999
    """What a step keeps of the threshold; the rest is the mean of the largest confidences of all
    classes that are predicted. null: the threshold stays (0, as the authors have it for
    Cityscapes, say)."""


class CorrMatchSettings(UniMatchSettings):
    """UniMatch with one strong view, whose pseudo-labels spread to pixels with similar features
    (Sun et al. 2024)."""

    name: Literal["corrmatch"]
    confidence: AdaptiveConfidence = AdaptiveConfidence()
    compared_map: int = -1
    """The feature map of the encoder whose places are compared with each other; negative numbers
    count from the last one. The paper's is the last, at an eighth of the size of the image."""
    correlation_channels: int = Field(default=256, ge=1, le=4096)
    """Channels of the layer between that map and what is compared."""
    correlation_dropout: Probability = 0.1
    """Probability with which one of them is dropped."""
    regions: int = Field(default=128, ge=0, le=4096)
    """How many places of an image are drawn at random, each with the region of pixels that resemble
    it; all places if there are fewer."""

    loss_names: ClassVar[tuple[str, ...]] = (
        "cross_entropy",
        "correlation",
        "consistency",
        "divergence",
        "feature_consistency",
        "unlabelled_correlation",
    )
