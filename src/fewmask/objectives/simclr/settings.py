"""Settings of SimCLR."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewmask.config.augmentation import (
    Augmentation,
    Change,
    HueShift,
    Probability,
    Range,
    SaturationChange,
)
from fewmask.config.objective import ObjectiveSettings
from fewmask.config.ranges import Log


class Views(Augmentation):
    """Random changes as strong as SimCLR needs; what is not given stays so."""

    crop_area: Range = (0.2, 1.0)
    crop_aspect: Range = (0.75, 4 / 3)
    brightness: Change = 0.8
    contrast: Change = 0.8
    saturation: SaturationChange = 0.8
    hue: HueShift = 0.2
    colour: Probability = 0.8
    greyscale: Probability = 0.2
    blur: Probability = 0.5


class SimCLRSettings(ObjectiveSettings):
    """Tell two views of one image from those of all others (Pet-SimCLR, 2.1)."""

    name: Literal["simclr"]
    temperature: Annotated[float, Field(gt=0), Log(0.05, 1.0)] = 0.5
    """What similarities are divided by; the paper does not say."""
    projection: int = Field(default=128, gt=0, le=65536)
    """How long the vectors are that are compared: what the two-layer head puts out. Its hidden
    layer is as wide as the encoder's features."""
    views: Views = Views()
    """How the two views of an image are made, after the stage's augmentation."""

    draws: ClassVar[tuple[str, ...]] = ("all",)
    loss_names: ClassVar[tuple[str, ...]] = ("contrastive",)
    parts: ClassVar[tuple[str, ...]] = ("encoder",)
    compares_images: ClassVar[bool] = True
    pairs: ClassVar[tuple[str, ...]] = ("all",)
    predicts: ClassVar[tuple[str, ...]] = ()

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        return self.views.size_of(height, width)
