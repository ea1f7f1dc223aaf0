"""Weak augmentation: random changes of a batch, the geometric ones of which also move masks.

Everything is drawn from torch's generator on the CPU, so that every device gets the same numbers,
and is moved without waiting for the device. A batch is changed as a whole, on its device, and keeps
its memory format (channels last, say).
"""

from dataclasses import dataclass

from torch import Tensor

from fewmask.config.augmentation import Augmentation
from fewmask.data.augmentation.recolouring import Recolouring
from fewmask.data.augmentation.warp import Warp


@dataclass(frozen=True)
class Change:
    """All changes of a batch: a warp, which moves pixels, and a recolouring."""

    warp: Warp
    recolouring: Recolouring

    @classmethod
    def draw(cls, settings: Augmentation, images: Tensor, is_rgb: bool = True) -> "Change":
        """Draw the changes for images like ``images``, (N, C, H, W)."""
        count, _, height, width = images.shape
        warp = Warp.draw(settings, count, height, width, images.device)
        return cls(warp, Recolouring.draw(settings, images, is_rgb))

    def images(self, images: Tensor) -> Tensor:
        """The changed images, float32 (N, C, h, w) in [0, 1]."""
        if not images.is_floating_point():
            images = images.float() / 255
        return self.recolouring.images(self.warp.images(images))
