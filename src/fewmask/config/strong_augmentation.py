"""Settings of strong augmentation: RandAugment and Cutout."""

from typing import Annotated

from pydantic import Field

from fewmask.config.ranges import Linear, Whole
from fewmask.config.settings import Settings


class StrongAugmentationSettings(Settings):
    """Strong random changes of an image (Ke et al. 2020, 3.1); masks are taken along.

    The defaults are those of the code that belongs to the paper.
    """

    operations: Annotated[int, Field(ge=0, le=14), Whole(1, 5)] = 3
    """How many of RandAugment's 14 operations are drawn for each image, with replacement; 0: only
    Cutout."""
    probability: Annotated[float, Field(ge=0, le=1), Linear(0.1, 1.0)] = 0.5
    """With which each of the drawn operations is applied."""
    magnitude: Annotated[int, Field(ge=1, le=9), Whole(3, 9)] = 9
    """The highest level; each is drawn evenly from 1 to it. A level is 3 degrees of a rotation."""
    shift: float = Field(default=1 / 321, ge=0, le=0.1)
    """A level of a shift, as a share of the image's shorter side: one pixel of 321."""
    boxes: int = Field(default=3, ge=0, le=1000)
    """How many squares Cutout paints grey; 0: no Cutout."""
    box_size: float = Field(default=0.1, gt=0, lt=1)
    """Their side, as a share of the image's shorter side: 32 of 321 pixels."""
    ignore_boxes: bool = False
    """Whether what was cut out is ignored; else it must be told from its surroundings."""
