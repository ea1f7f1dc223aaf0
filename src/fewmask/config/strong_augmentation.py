"""Settings of strong augmentation: RandAugment and Cutout."""

from pydantic import Field

from fewmask.config.settings import Settings


class StrongAugmentation(Settings):
    """Strong random changes of a picture (paper 001, 3.1); masks are taken along."""

    operations: int = Field(default=3, ge=0, le=14)
    """How many of RandAugment's 14 operations are drawn for each picture; 0: only Cutout."""
    probability: float = Field(default=0.5, ge=0, le=1)
    """With which each of the drawn operations is applied."""
    magnitude: float = Field(default=1.0, ge=0, le=1)
    """The largest strength; each is drawn evenly from 0 to it, and 1 is the end of an operation's
    range (30 degrees for a rotation)."""
    boxes: int = Field(default=3, ge=0)
    """How many squares Cutout paints grey; 0: no Cutout."""
    box_size: int = Field(default=32, gt=0)
    """Their side in pixels."""
    ignore_boxes: bool = True
    """Whether what was cut out is ignored; else it must be told from its surroundings."""
