"""Settings of the random changes of pictures."""

from typing import Annotated

from pydantic import Field, field_validator

from fewmask.config.settings import Settings

Length = Annotated[int, Field(ge=16)]


class Augmentation(Settings):
    """Random changes of a picture; the geometric ones take its mask along."""

    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of a left-right flip."""
    vertical_flip: float = Field(default=0.0, ge=0, le=1)
    """Probability of an upside-down flip."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Range of the zoom factor, drawn evenly on a logarithmic scale; 2 shows things twice as
    large."""
    rotate: float = Field(default=0.0, ge=0, le=180)
    """Largest angle in degrees, drawn evenly between minus and plus it."""
    crop: Length | tuple[Length, Length] | None = None
    """Height and width in pixels of a random crop; absent: the whole picture."""
    brightness: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative change of brightness."""
    contrast: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative change of contrast."""
    saturation: float = Field(default=0.0, ge=0, le=1)
    """Largest relative change of saturation."""
    hue: float = Field(default=0.0, ge=0, le=0.5)
    """Largest shift of the hue, as a part of the colour circle."""

    @field_validator("scale")
    @classmethod
    def _is_a_range(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not 0 < scale[0] <= scale[1]:
            raise ValueError("a scale range has two numbers, 0 < smallest <= largest")
        return scale
