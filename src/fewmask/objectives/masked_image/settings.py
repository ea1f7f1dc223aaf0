"""Settings of masked image modelling."""

from typing import ClassVar, Literal

from pydantic import Field

from fewmask.config.objective import ObjectiveSettings


class MaskedImageSettings(ObjectiveSettings):
    """Predict the pixels of an image in which some patches were rotated (Li, 2.2)."""

    name: Literal["masked_image"]
    patches: int = Field(default=5, gt=0, le=1000)
    """How many patches of each image are rotated by 0, 90, 180 or 270 degrees."""
    patch_size: int = Field(default=32, gt=1)
    """Height and width of a patch in pixels; the paper does not say."""

    draws: ClassVar[tuple[str, ...]] = ("all",)
    loss_names: ClassVar[tuple[str, ...]] = ("reconstruction",)
    predicts: ClassVar[tuple[str, ...]] = ()
    restores_images: ClassVar[bool] = True

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        if self.patch_size > min(height, width):
            raise ValueError(
                f"objective.patch_size is {self.patch_size}, which is larger than images of "
                f"{height} x {width}\n  mend: a patch_size of at most {min(height, width)}"
            )
        return height, width
