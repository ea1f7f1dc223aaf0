"""Settings of the random changes of images."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from fewmask.config.settings import Length, Settings

Probability = Annotated[float, Field(ge=0, le=1)]
Change = Annotated[float, Field(ge=0, lt=1)]
SaturationChange = Annotated[float, Field(ge=0, le=1)]
HueShift = Annotated[float, Field(ge=0, le=0.5)]
Positive = Annotated[float, Field(gt=0, le=100)]
Range = tuple[Positive, Positive]


def ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    """A range as it is. Raises ValueError if its first number is above its second."""
    if bounds[0] > bounds[1]:
        raise ValueError("a range has two numbers, the smallest and the largest")
    return bounds


class ColourAugmentation(Settings):
    """Random changes of an image's colours and its sharpness; no pixel moves."""

    brightness: Change = 0.0
    """Largest relative change of brightness."""
    contrast: Change = 0.0
    """Largest relative change of contrast."""
    saturation: SaturationChange = 0.0
    """Largest relative change of saturation."""
    hue: HueShift = 0.0
    """Largest shift of the hue, as a part of the colour circle."""
    colour: Probability = 1.0
    """Probability that an image's brightness, contrast, saturation and hue change at all."""
    greyscale: Probability = 0.0
    """Probability of an image without colours."""
    blur: Probability = 0.0
    """Probability of a Gaussian blur."""
    blur_sigma: Range = (0.1, 2.0)
    """Range of its standard deviation in pixels."""

    @field_validator("blur_sigma")
    @classmethod
    def _blur_sigma_is_a_range(cls, bounds: Range) -> Range:
        return ordered(bounds)


class Augmentation(ColourAugmentation):
    """Random changes of an image; the geometric ones take its mask along."""

    flip: Probability = 0.5
    """Probability of a left-right flip."""
    vertical_flip: Probability = 0.0
    """Probability of an upside-down flip."""
    scale: Range = (1.0, 1.0)
    """Range of the zoom factor, drawn evenly on a logarithmic scale; 2 shows things twice as
    large."""
    rotate: float = Field(default=0.0, ge=0, le=180)
    """Largest angle in degrees, drawn evenly between minus and plus it."""
    crop: Length | tuple[Length, Length] | None = None
    """Height and width in pixels of a random crop; absent: the whole image."""
    crop_area: Range = (1.0, 1.0)
    """Range of the part of the image's area that a crop holds, at any place and shown at full
    size (random resized crop)."""
    crop_aspect: Range = (1.0, 1.0)
    """Range of such a crop's width relative to its height, both relative to the image's."""

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what becomes of an image."""
        if self.crop is None:
            return height, width
        return (self.crop, self.crop) if isinstance(self.crop, int) else self.crop

    def check_keeps_shapes(self, learnt: str) -> None:
        """Raise ValueError for changes that stretch an image, after which the truth of what is
        ``learnt``, such as surface normals, is not known."""
        if self.crop_area != (1, 1) and self.crop_aspect != (1, 1):
            raise ValueError(
                f"augmentation: crop_aspect is {list(self.crop_aspect)}, which stretches images, "
                f"but {learnt} are learnt\n"
                f"  mend: leave crop_aspect out, or set it to [1, 1]"
            )

    @field_validator("scale", "crop_area", "crop_aspect")
    @classmethod
    def _is_a_range(cls, bounds: Range) -> Range:
        return ordered(bounds)

    @model_validator(mode="after")
    def _crops_one_way(self) -> "Augmentation":
        if self.crop_area[1] > 1:
            raise ValueError("crop_area is a part of the image's area: at most 1")
        if self.crop is not None and self.crop_area != (1, 1):
            raise ValueError("crop cuts a fixed size, crop_area a random one: give only one")
        return self
