"""Random changes of a batch, of which the geometric ones take masks along.

Everything is drawn from torch's generator on the CPU, so that every device sees the same, and moved
without waiting for the device; a batch is changed as a whole, on the device it lies on. What comes
out has the memory format of what came in (channels last, say).
"""

from dataclasses import dataclass

from torch import Tensor

from fewmask.config.augmentation import Augmentation
from fewmask.data.augmentation.recolouring import Recolouring
from fewmask.data.augmentation.warp import Warp


@dataclass(frozen=True)
class Change:
    """All changes of a batch: what moves its pixels, and what changes their colours."""

    warp: Warp
    recolouring: Recolouring

    @classmethod
    def draw(cls, settings: Augmentation, images: Tensor) -> "Change":
        """Draw the changes for images like ``images``, (N, C, H, W)."""
        count, _, height, width = images.shape
        warp = Warp.draw(settings, count, height, width, images.device)
        return cls(warp, Recolouring.draw(settings, images))

    def images(self, images: Tensor) -> Tensor:
        """The changed images, float32 (N, C, h, w) in [0, 1]."""
        if not images.is_floating_point():
            images = images.float() / 255
        return self.recolouring.images(self.warp.images(images))
