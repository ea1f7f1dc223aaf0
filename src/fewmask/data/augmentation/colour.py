"""Changes of the colours of a batch, by a factor of its own for every image."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewmask.config.augmentation import ColourAugmentation
from fewmask.data.augmentation.warp import memory_format_of

OF_COLOURS = ("saturation", "hue", "greyscale")
"""The changes that only red, green and blue have."""


@dataclass(frozen=True)
class Colour:
    """Changes of colour: a factor or shift for every image, (N, 1, 1, 1); None for no change."""

    brightness: Tensor | None = None
    contrast: Tensor | None = None
    saturation: Tensor | None = None
    hue: Tensor | None = None
    greyscale: Tensor | None = None
    """1 for images that become grey, 0 for the others."""

    @classmethod
    def draw(
        cls,
        settings: ColourAugmentation,
        count: int,
        device: torch.device | str = "cpu",
        is_rgb: bool = True,
    ) -> "Colour":
        """Draw factors evenly around 1, and shifts of the hue around 0, for ``count`` images.

        Unless they are red, green and blue, they have neither saturation nor hue.
        """
        if not is_rgb:
            settings = settings.model_copy(update=dict.fromkeys(OF_COLOURS, 0.0))
        drawn = 2 * torch.rand(4, count, 1, 1, 1) - 1
        middles = {"brightness": 1, "contrast": 1, "saturation": 1, "hue": 0}
        changes = {}
        if settings.colour < 1:
            drawn = drawn * (torch.rand(count, 1, 1, 1) < settings.colour)
        for (name, middle), change in zip(middles.items(), drawn, strict=True):
            if largest := getattr(settings, name):
                changes[name] = (middle + largest * change).to(device, non_blocking=True)
        if settings.greyscale:
            chosen = (torch.rand(count, 1, 1, 1) < settings.greyscale).float()
            changes["greyscale"] = chosen.to(device, non_blocking=True)
        return cls(**changes)

    def images(self, images: Tensor) -> Tensor:
        """Change float32 (N, C, H, W) in [0, 1]: brightness, contrast, saturation, then hue."""
        memory_format = memory_format_of(images)
        if self.brightness is not None:
            images = adjust_brightness(images, self.brightness)
        if self.contrast is not None:
            images = adjust_contrast(images, self.contrast)
        if self.saturation is not None:
            images = adjust_saturation(images, self.saturation)
        if self.hue is not None:
            images = adjust_hue(images, self.hue)
        if self.greyscale is not None:
            images = adjust_saturation(images, 1 - self.greyscale)
        return images.contiguous(memory_format=memory_format)


# The same as torchvision.transforms.v2.functional, but with a factor for every image. All take
# and return float32 (N, 3, H, W) in [0, 1], the first two also (N, C, H, W); factors and shifts are
# (N, 1, 1, 1).


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Away from black (factor > 1) or towards it."""
    return (images * factor).clamp_(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Away from the image's mean grey (factor > 1) or towards it; where there are not three
    channels, every channel away from its mean."""
    grey = (_grey(images) if images.shape[1] == 3 else images).mean((2, 3), keepdim=True)
    return torch.lerp(grey, images, factor).clamp_(0, 1)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Away from every pixel's grey (factor > 1) or towards it."""
    return torch.lerp(_grey(images), images, factor).clamp_(0, 1)


def adjust_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the colour circle by ``shift`` of a whole turn; the extremes of a pixel stay."""
    value, strongest = images.max(1, keepdim=True)
    chroma = value - images.amin(1, keepdim=True)
    # In sixths of a turn: the place of the strongest channel, and how far towards which other.
    towards = (images.roll(-1, 1) - images.roll(-2, 1)).gather(1, strongest)
    hue = towards / chroma.clamp_min(1e-12) + 2 * strongest + 6 * shift
    places = torch.arange(0, 6, 2, device=images.device)[:, None, None]
    distance = (hue - places + 3).remainder_(6).sub_(3).abs_()
    # A channel is strongest within a sixth of its own place, and weakest beyond two sixths.
    return value - distance.sub_(1).clamp_(0, 1).mul_(chroma)


def _grey(images: Tensor) -> Tensor:
    """The perceived brightness of every pixel, (N, 1, H, W) (ITU-R BT.601)."""
    red, green, blue = images.split(1, dim=1)
    return 0.2989 * red + 0.587 * green + 0.114 * blue
