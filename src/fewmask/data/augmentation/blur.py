"""Gaussian blur of a batch, with a strength of its own for every image."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fewmask.config.augmentation import ColourAugmentation


@dataclass(frozen=True)
class Blur:
    """One row of weights for every image; it is laid along rows, then along columns."""

    weights: Tensor
    """float32 (N, 2 r + 1), each row adds up to 1; only the middle is not 0 where nothing blurs."""

    @classmethod
    def draw(
        cls, settings: ColourAugmentation, count: int, device: torch.device | str = "cpu"
    ) -> "Blur | None":
        """Draw whether and how strongly each of ``count`` images is blurred; None for never."""
        if not settings.blur:
            return None
        chosen, strength = torch.rand(2, count, 1)
        weakest, strongest = settings.blur_sigma
        bells = cls.of(weakest + (strongest - weakest) * strength, strongest).weights
        sharp = torch.zeros(bells.shape[1])
        sharp[len(sharp) // 2] = 1
        weights = torch.where(chosen < settings.blur, bells, sharp)
        return cls(weights.to(device, non_blocking=True))

    @classmethod
    def of(cls, sigma: Tensor, strongest: float) -> "Blur":
        """Blurs of standard deviations ``sigma``, float32 (N, 1), of at most ``strongest``."""
        radius = math.ceil(3 * strongest)  # 99.7 % of the bell
        distance = torch.arange(-radius, radius + 1, device=sigma.device).float()
        bell = torch.exp(-((distance / sigma) ** 2) / 2)
        return cls(bell / bell.sum(1, keepdim=True))

    def images(self, images: Tensor) -> Tensor:
        """Blur float32 (N, C, H, W); beyond the border, the border's pixels."""
        count, channels = images.shape[:2]
        radius = self.weights.shape[1] // 2
        weights = self.weights.repeat_interleave(channels, 0)[:, None]
        flat = images.reshape(1, count * channels, *images.shape[2:])
        flat = F.pad(flat, 4 * [radius], mode="replicate")
        # In full precision: autocast would round every image, blurred or not.
        with torch.autocast(images.device.type, enabled=False):
            flat = F.conv2d(flat, weights[:, :, None], groups=count * channels)
            flat = F.conv2d(flat, weights[..., None], groups=count * channels)
        return flat.reshape(images.shape)
