"""Settings of AugSeg."""

from typing import Annotated, Literal

from pydantic import Field

from fewmask.config.ranges import Whole
from fewmask.objectives.consistency.options import BetaParameter, Confidence, ConsistencySettings


class AllPixels(Confidence):
    """The paper's denominator."""

    denominator: Literal["all", "valid", "kept"] = "all"


class AugSegSettings(ConsistencySettings):
    """Learn a teacher's sure classes on images of random intensities, into which boxes are pasted,
    of labelled images where the teacher is unsure (Zhao et al. 2023)."""

    name: Literal["augseg"]
    most_operations: Annotated[int, Field(ge=1, le=11), Whole(1, 6)] = 3
    """The largest number of operations that change an image's intensities; the number is drawn
    for every image."""
    labelled_boxes: tuple[BetaParameter, BetaParameter] = (8.0, 2.0)
    """Of the Beta distribution of the share of an image that a labelled box leaves."""
    unlabelled_boxes: tuple[BetaParameter, BetaParameter] = (4.0, 4.0)
    """The same of boxes of unlabelled images."""
    confidence: AllPixels = AllPixels()
    batch_norms_see_weak_views: bool = False
    """Pass the weak views through the student as well, for the statistics of its batch-norms alone
    (the authors' code does so on VOC, not on Cityscapes)."""

    @property
    def pairs(self) -> tuple[str, ...]:
        """Unlabelled images, which are mixed."""
        return ("unlabelled",)
