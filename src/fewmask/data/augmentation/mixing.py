"""Mixes of every image of a batch with another image of it: what is pasted, and how to apply it.

Everything that belongs to a pixel (its class, its confidence, whether it is padding) goes where the
pixel goes: one `Paste` is applied to all of it. Places are drawn from torch's generator on the CPU.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewmask import IGNORE


def partners(batch: Tensor) -> Tensor:
    """What every image of a batch (N, ...) is mixed with: the image before it, the first with the
    last. In a batch of two images or more this is never the image itself."""
    return batch.roll(1, 0)


@dataclass(frozen=True)
class Paste:
    """Which pixels of every image are replaced by those of its partner."""

    pasted: Tensor
    """bool (N, H, W)."""

    def __call__(self, batch: Tensor) -> Tensor:
        """(N, H, W) or (N, C, H, W) of any type -> the same."""
        return self.between(batch, partners(batch))

    def between(self, batch: Tensor, other: Tensor) -> Tensor:
        """The same, where the pixels that are pasted are those of ``other``."""
        return torch.where(self.pasted if batch.ndim == 3 else self.pasted[:, None], other, batch)


@dataclass(frozen=True)
class Blend:
    """How much of every image is its partner (Zhang et al. 2018, mixup)."""

    share: Tensor
    """float32 (N), in [0, 1]."""

    def __call__(self, batch: Tensor) -> Tensor:
        """The weighted means of images and their partners: float (N, ...) -> the same."""
        share = self.share.view(-1, *[1] * (batch.ndim - 1)).to(batch.dtype)
        return torch.lerp(batch, partners(batch), share)


def draw_between(bounds: tuple[float, float], count: int) -> Tensor:
    """``count`` numbers, each drawn evenly from a range: float32 (N)."""
    lowest, highest = bounds
    return lowest + (highest - lowest) * torch.rand(count)


def draw_beta(first: float, second: float, count: int) -> Tensor:
    """``count`` numbers from a Beta distribution: float32 (N) in [0, 1]."""
    parameters = torch.tensor(
        [first, second], dtype=torch.float64
    )  # in 32 bits small ones underflow
    return torch.distributions.Beta(*parameters).sample((count,)).float()


def boxes(area: Tensor, aspect: tuple[float, float], size: tuple[int, int]) -> Tensor:
    """One box inside every image, at any place with equal chance (Yun et al. 2019, CutMix).

    Args:
        area: float32 (N), the share of the image that a box has, in [0, 1].
        aspect: the range of the height of a box relative to its width, both relative to those of
            the image; drawn evenly on a logarithmic scale. Where a box would not fit into the image
            it is as long and narrow as fits.
        size: height and width of the images.

    Returns:
        bool (N, H, W) on the CPU, true inside the box.
    """
    area = area.clamp(0, 1)
    longest = area.clamp(min=1e-9).log().abs()  # aspects from area to 1 / area fit
    lowest, highest = (
        torch.full_like(area, bound).log().clamp(-longest, longest) for bound in aspect
    )
    drawn, *places = torch.rand(3, len(area))
    aspects = (lowest + (highest - lowest) * drawn).exp()
    sides = (area * aspects).sqrt(), (area / aspects).sqrt()
    down, across = (
        _span(side, place, length) for side, place, length in zip(sides, places, size, strict=True)
    )
    return down[:, :, None] & across[:, None, :]


def _span(side: Tensor, place: Tensor, length: int) -> Tensor:
    """bool (N, length): the pixels that a side of a box, a share of ``length``, covers."""
    pixels = (side * length).round().clamp(max=length)
    first = (place * (length - pixels + 1)).floor().minimum(length - pixels)
    index = torch.arange(length)
    return (index >= first[:, None]) & (index < (first + pixels)[:, None])


def half_of_classes(masks: Tensor, classes: int) -> Tensor:
    """The pixels of half of the classes of every image, drawn at random (Olsson et al. 2021).

    Args:
        masks: int64 (N, H, W), with `IGNORE`.
        classes: how many there are.

    Returns:
        bool (N, H, W). Of n classes n // 2 are drawn: none in an image of a single class.
    """
    of_every, count = masks.flatten(1), len(masks)
    present = torch.zeros(count, classes + 1, device=masks.device)
    present.scatter_(1, of_every.masked_fill(of_every == IGNORE, classes), 1.0)
    present = present[:, :classes]
    drawn = torch.rand(count, classes).to(masks.device, non_blocking=True)
    rank = (drawn + 1 - present).argsort(1).argsort(1)  # those that are present come first
    is_drawn = rank < (present.sum(1, keepdim=True) // 2)
    is_drawn = torch.cat([is_drawn, is_drawn.new_zeros(count, 1)], dim=1)
    chosen = is_drawn.gather(1, of_every.masked_fill(of_every == IGNORE, classes))
    return chosen.view_as(masks)
