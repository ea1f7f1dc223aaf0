"""Settings of the tiles that large images are cut into."""

from pydantic import Field, model_validator

from fewmask.config.settings import Length, Settings


class Tiles(Settings):
    """Cut images into tiles of one size, at their own resolution.

    The tiles of an image have one role, and what is counted and measured is whole images.
    """

    size: Length | tuple[Length, Length]
    """Height and width of a tile in pixels; one number for a square."""
    overlap: int = Field(default=64, ge=0)
    """How many pixels neighbouring tiles have in common, at least. Where several tiles predict a
    pixel, their predictions are averaged, with less weight near the edges of a tile."""
    least_labelled: float = Field(default=0.0, ge=0, le=1)
    """Tiles of labelled images of which a smaller share of pixels is labelled are not trained on;
    validation and test images keep all of theirs."""

    @property
    def height_width(self) -> tuple[int, int]:
        """Height and width of a tile."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    @model_validator(mode="after")
    def _makes_progress(self) -> "Tiles":
        if self.overlap >= min(self.height_width):
            raise ValueError(
                f"overlap: found {self.overlap}, which is no smaller than a tile of "
                f"{self.height_width[0]} x {self.height_width[1]}\n"
                f"  expected: less than {min(self.height_width)}; an eighth of the size is usual"
            )
        return self
