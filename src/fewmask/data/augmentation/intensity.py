"""Random changes of the intensities of a batch, as AugSeg draws them (Zhao et al. 2023, 3.2).

For every image between one and ``most`` operations are drawn, with replacement, and each with a
strength of its own from a continuous range.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.v2.functional import equalize

from fewmask.data.augmentation.blur import Blur
from fewmask.data.augmentation.colour import (
    OF_COLOURS,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
)
from fewmask.data.augmentation.operations import (
    adjust_sharpness,
    autocontrast,
    posterize,
    solarize,
)

BLUR = (0.1, 2.0)
"""Range of the standard deviation of a blur, in pixels."""


def random_intensities(images: Tensor, most: int, is_rgb: bool = True) -> Tensor:
    """Images changed by one to ``most`` operations each.

    float32 (N, C, H, W) in [0, 1] -> the same, pixels where they were. Unless they are red, green
    and blue, operations of colours leave them unchanged.
    """
    shape = len(images), most
    number = torch.randint(1, most + 1, shape[:1])
    drawn = torch.randint(len(OPERATIONS), shape)
    is_left_out = torch.arange(most) >= number[:, None]
    drawn = drawn.masked_fill(is_left_out, list(OPERATIONS).index("identity"))
    strengths = torch.rand(shape)
    changed = images.clone()
    for place in range(most):
        for index, (name, change) in enumerate(OPERATIONS.items()):
            rows = (drawn[:, place] == index).nonzero()[:, 0]
            changes = change is not unchanged and (is_rgb or name not in OF_COLOURS)
            if len(rows) and changes:
                given = rows, strengths[rows, place].view(-1, 1, 1, 1)
                rows, strength = (one.to(images.device, non_blocking=True) for one in given)
                changed.index_copy_(0, rows, change(changed[rows], strength))
    return changed


def unchanged(images: Tensor, strength: Tensor) -> Tensor:
    """The images as they are."""
    return images


def _factor(strength: Tensor) -> Tensor:
    """From 0.05 to 0.95: all of these operations take something away."""
    return 0.05 + 0.9 * strength


def _blurred(images: Tensor, strength: Tensor) -> Tensor:
    sigma = BLUR[0] + (BLUR[1] - BLUR[0]) * strength.view(-1, 1)
    return Blur.of(sigma, BLUR[1]).images(images)


OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "identity": unchanged,
    "autocontrast": lambda images, _: autocontrast(images),
    "equalize": lambda images, _: equalize(images),
    "blur": _blurred,
    "contrast": lambda images, strength: adjust_contrast(images, _factor(strength)),
    "brightness": lambda images, strength: adjust_brightness(images, _factor(strength)),
    "saturation": lambda images, strength: adjust_saturation(images, _factor(strength)),
    "sharpness": lambda images, strength: adjust_sharpness(images, _factor(strength)),
    "posterize": lambda images, strength: posterize(images, 2 ** (8 - (4 * strength).ceil())),
    "solarize": lambda images, strength: solarize(images, 1 - strength),
    "hue": lambda images, strength: adjust_hue(images, strength - 0.5),
}
"""What an operation makes of images, float32 (n, C, H, W) in [0, 1], by its strength, float32
(n, 1, 1, 1) in [0, 1]."""
