"""The operations of RandAugment, those of colour and those of geometry (see `strong`)."""

from collections.abc import Callable
from math import radians

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torchvision.transforms.v2.functional import equalize

from fewmask.data.augmentation.colour import adjust_brightness, adjust_contrast, adjust_saturation
from fewmask.data.augmentation.warp import Warp

SHEAR = 0.03
"""Of a level, in pixels per pixel."""
ANGLE = radians(3)
"""Of a level."""


# All take and return float32 (N, C, H, W) in [0, 1]; factors, levels and thresholds are
# (N, 1, 1, 1).


def autocontrast(images: Tensor) -> Tensor:
    """Stretch the values of every channel to [0, 1]; a constant channel stays as it is."""
    lowest, highest = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    stretched = (images - lowest) / (highest - lowest)
    return torch.where(highest > lowest, stretched, images)


def adjust_sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Away from the smoothed image (factor > 1) or towards it; border pixels stay."""
    smooth = images.clone()
    inner = smooth[..., 1:-1, 1:-1]
    # The mean of 3 x 3 pixels, of which the middle one weighs 5.
    inner.mul_(4 / 13).add_(F.avg_pool2d(images, 3, stride=1), alpha=9 / 13)
    return torch.lerp(smooth, images, factor).clamp_(0, 1)


def posterize(images: Tensor, levels: Tensor) -> Tensor:
    """Round down to one of ``levels`` evenly spaced values."""
    return (images * levels).floor().minimum(levels - 1) / levels


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Invert what is at least ``threshold``."""
    return torch.where(images >= threshold, 1 - images, images)


COLOURS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "autocontrast": lambda images, _: autocontrast(images),
    "equalize": lambda images, _: equalize(images),
    "brightness": lambda images, levels: adjust_brightness(images, _factor(levels)),
    "contrast": lambda images, levels: adjust_contrast(images, _factor(levels)),
    "saturation": lambda images, levels: adjust_saturation(images, _factor(levels)),
    "sharpness": lambda images, levels: adjust_sharpness(images, _factor(levels)),
    "solarize": lambda images, levels: solarize(images, _threshold(levels)),
    "posterize": lambda images, levels: posterize(images, 2 ** _bits(levels)),
}
"""What an operation makes of images, float32 (n, C, H, W) in [0, 1], by its levels, float32
(n, 1, 1, 1): whole numbers from 1 to 9."""
GEOMETRY = ("shear_x", "shear_y", "rotate", "translate_x", "translate_y")
OPERATIONS = (*COLOURS, *GEOMETRY, "identity")


def _factor(levels: Tensor) -> Tensor:
    """From 0.28 to 1.72, by which an image is darkened or lightened, and so on."""
    return 0.1 + 0.18 * levels


def _threshold(levels: Tensor) -> Tensor:
    """From 231 to 26, of 255."""
    return (256 - (25.6 * levels).floor()) / 255


def _bits(levels: Tensor) -> Tensor:
    """From 4 to 1."""
    return 4 - (0.4 * levels).floor()


def compose(
    operations: Tensor,
    levels: Tensor,
    size: tuple[int, int],
    shift: float,
    device: torch.device | str = "cpu",
) -> Warp:
    """One map for all operations of geometry in their order.

    Rotations are about the centre, shears about the top left corner, as in the paper's code.

    Args:
        operations: indices into `OPERATIONS`, int64 (N, places) on the CPU, in their order; those
            of colour change nothing here.
        levels: their levels with a sign, float32 (N, places) on the CPU. Those above 0 shear lower
            rows to the right and right columns down, turn things anticlockwise and move them right
            and down.
        size: height and width.
        shift: of a level, as a share of the shorter side.
        device: where the map is needed.
    """
    first = len(COLOURS)
    is_drawn = operations[..., None] == torch.arange(first, first + len(GEOMETRY))
    shear_x, shear_y, rotate, *translate = (levels[..., None] * is_drawn).unbind(2)
    # Maps go backwards, from the result to the image. At most one of these is not 0.
    cos, sin = (ANGLE * rotate).cos(), (ANGLE * rotate).sin()
    rows = [cos, -sin - SHEAR * shear_x, sin - SHEAR * shear_y, cos]
    linear = torch.stack(rows, dim=2).unflatten(2, (2, 2))
    middle = torch.tensor([(size[1] - 1) / 2, (size[0] - 1) / 2])
    still = torch.where(rotate[..., None] == 0, -0.5, middle)
    shifted = shift * min(size) * torch.stack(translate, dim=2)
    origin = still - _times(linear, still) - shifted

    whole, start = torch.eye(2).expand(len(levels), 2, 2), torch.zeros(len(levels), 2)
    for one, its_origin in zip(linear.unbind(1), origin.unbind(1), strict=True):
        start = start + _times(whole, its_origin)  # The last operation is undone first.
        whole = _product(whole, one)
    matrices = torch.cat([whole, start[..., None]], dim=2).to(device, non_blocking=True)
    return Warp(matrices, source=size, size=size, is_identity=not is_drawn.any())


def _times(matrices: Tensor, vectors: Tensor) -> Tensor:
    """The product of (..., 2, 2) and (..., 2); unlike ``@`` it keeps all bits under autocast."""
    return (matrices * vectors[..., None, :]).sum(-1)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """The product of matrices, (N, 2, 2), likewise."""
    return (left[..., None] * right[:, None]).sum(2)
