"""Random changes of the colours and the sharpness of a batch, which move no pixel."""

from dataclasses import dataclass

from torch import Tensor

from fewmask.config.augmentation import ColourAugmentation
from fewmask.data.augmentation.blur import Blur
from fewmask.data.augmentation.colour import Colour
from fewmask.data.augmentation.warp import memory_format_of


@dataclass(frozen=True)
class Recolouring:
    """One draw for every image of a batch: its colours, then a blur."""

    colour: Colour
    blur: Blur | None

    @classmethod
    def draw(
        cls, settings: ColourAugmentation, images: Tensor, is_rgb: bool = True
    ) -> "Recolouring":
        """Draw the changes for images like ``images``, (N, C, H, W)."""
        return cls(
            Colour.draw(settings, len(images), images.device, is_rgb),
            Blur.draw(settings, len(images), images.device),
        )

    def images(self, images: Tensor) -> Tensor:
        """The changed images, float32 (N, C, H, W) in [0, 1], in their memory format."""
        memory_format = memory_format_of(images)
        images = self.colour.images(images)
        if self.blur is not None:
            images = self.blur.images(images).contiguous(memory_format=memory_format)
        return images


def strong_view(settings: ColourAugmentation, images: Tensor, is_rgb: bool = True) -> Tensor:
    """A strong view of every image: the same pixels in other colours, drawn anew at every call.

    float32 (N, C, H, W) in [0, 1] -> the same.
    """
    return Recolouring.draw(settings, images, is_rgb).images(images)
