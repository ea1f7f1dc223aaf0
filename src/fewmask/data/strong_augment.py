"""Strong random changes of a batch: RandAugment, then Cutout (paper 001, 3.1).

Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search space"
(2020); DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout"
(2017).

A picture draws some of 14 operations, each at most once. Those of colour are applied first, in the
order of `COLOURS`; those of geometry follow as one `Warp`, composed in the order of `GEOMETRY`.
RandAugment itself goes in the order drawn, and interpolates after every operation. But colours do
not move pixels and maps do not change colours, so only the order within either kind differs, and
here a picture is interpolated at most once.

What lies outside a picture, and what is cut out, becomes mid-grey, as in RandAugment's own code: it
tells nothing of any class, whereas edge pixels drawn out to stripes look like some.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import radians

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torchvision.transforms.v2.functional import equalize

from fewmask import IGNORE
from fewmask.config import strong_augmentation as config
from fewmask.data.colour import adjust_brightness, adjust_contrast, adjust_saturation
from fewmask.data.warp import Warp

GREY = 0.5
LARGEST_CHANGE = 0.9
"""Of the factors of brightness, contrast, saturation and sharpness, from 1."""
LARGEST_SHEAR = 0.3
LARGEST_SHIFT = 0.3
"""Of a picture's width or height: about RandAugment's 100 of 331 pixels."""
LARGEST_ANGLE = radians(30)


@dataclass(frozen=True)
class StrongAugmentation:
    """One draw for every picture of a batch: operator A for pictures, B for what belongs to them.

    Drawn from torch's generator on the CPU, applied to the batch as a whole on its device.
    """

    colours: dict[str, tuple[Tensor, Tensor]]
    """By operation: which pictures it changes, int64 (n), and its strengths, float32 (n, 1, 1, 1)
    from -1 to 1."""
    warp: Warp
    corners: Tensor
    """Column and row of the top left pixel of every box, int64 (N, boxes, 2); may lie outside."""
    box_size: int
    ignore_boxes: bool

    @classmethod
    def draw(
        cls,
        settings: config.StrongAugmentation,
        count: int,
        height: int,
        width: int,
        device: torch.device | str = "cpu",
    ) -> "StrongAugmentation":
        """Draw operations, their strengths and the boxes for ``count`` pictures.

        A box's centre is any pixel with equal chance, so that parts of it may lie outside.
        """
        place, happens, strength = torch.rand(3, count, len(OPERATIONS))
        centres = torch.rand(count, settings.boxes, 2) * torch.tensor([width, height])
        is_drawn = place.argsort(1) < settings.operations
        is_applied = is_drawn & (happens < settings.probability)
        strength = settings.magnitude * (2 * strength - 1) * is_applied
        of_colours = zip(COLOURS, is_applied.unbind(1), strength.unbind(1), strict=False)
        of_geometry = strength[:, len(COLOURS) : len(COLOURS) + len(GEOMETRY)]
        corners = centres.long() - settings.box_size // 2
        return cls(
            {name: _rows(applied, values, device) for name, applied, values in of_colours},
            compose(of_geometry, (height, width), device),
            corners.to(device, non_blocking=True),
            settings.box_size,
            settings.ignore_boxes,
        )

    def images(self, images: Tensor) -> Tensor:
        """Operator A: float32 (N, 3, H, W) in [0, 1]; grey outside the picture and in the boxes."""
        changed = images.clone()
        for name, (rows, strength) in self.colours.items():
            if len(rows):
                changed.index_copy_(0, rows, COLOURS[name](changed[rows], strength))
        return self.warp.images(changed).masked_fill_(self._is_grey[:, None], GREY)

    def masks(self, masks: Tensor) -> Tensor:
        """Operator B: uint8 or int64 (N, H, W), nearest pixel; `IGNORE` where nothing counts."""
        return self.warp.masks(masks).masked_fill(~self.counts, IGNORE)

    def maps(self, maps: Tensor) -> Tensor:
        """Operator B for soft masks: float32 (N, K, H, W), say the probabilities of classes.

        Bilinear, as the pictures are; what it returns holds only where ``counts`` is true.
        """
        return self.warp.images(maps)

    def inside(self, inside: Tensor) -> Tensor:
        """The padding channel, float32 (N, 1, H, W), 0 outside the picture; boxes do not matter."""
        return self.warp.inside(inside)

    @cached_property
    def counts(self) -> Tensor:
        """bool (N, H, W): pixels that show something of the picture, unless it is in a box and
        boxes are ignored. Padding counts here: it is for ``inside`` to tell."""
        return ~self._is_grey if self.ignore_boxes else self._is_covered

    @cached_property
    def _is_grey(self) -> Tensor:
        return ~self._is_covered | self._is_cut_out

    @cached_property
    def _is_covered(self) -> Tensor:
        """bool (N, H, W): within the picture."""
        everything = torch.ones(len(self.corners), 1, *self.warp.size, device=self.corners.device)
        return self.warp.inside(everything)[:, 0] == 1

    @cached_property
    def _is_cut_out(self) -> Tensor:
        """bool (N, H, W): within a box."""
        height, width = self.warp.size
        across = self._spans(0, width)[:, :, None, :]
        down = self._spans(1, height)[:, :, :, None]
        return (across & down).any(1)

    def _spans(self, axis: int, length: int) -> Tensor:
        """bool (N, boxes, length): which columns (axis 0) or rows (1) a box covers."""
        distance = torch.arange(length, device=self.corners.device) - self.corners[..., axis, None]
        return (distance >= 0) & (distance < self.box_size)


def _rows(
    is_applied: Tensor, strength: Tensor, device: torch.device | str
) -> tuple[Tensor, Tensor]:
    """Which pictures an operation changes, and by how much: both (N) on the CPU, of all pictures;
    then on the device, of these only, the strengths as (n, 1, 1, 1)."""
    rows = is_applied.nonzero()[:, 0]
    strength = strength[rows].view(-1, 1, 1, 1)
    return rows.to(device, non_blocking=True), strength.to(device, non_blocking=True)


def compose(strength: Tensor, size: tuple[int, int], device: torch.device | str = "cpu") -> Warp:
    """One map for operations that follow one another, all about the centre of the picture.

    Args:
        strength: of every operation of `GEOMETRY`, from -1 to 1, float32 (N, 5) on the CPU. Those
            above 0 shear lower rows to the right and right columns down, turn things anticlockwise
            and move them right and down, by whole pixels.
        size: height and width.
        device: where the map is needed.
    """
    shear_x, shear_y, rotate, *translate = strength.unbind(1)
    one, nought = torch.ones_like(rotate), torch.zeros_like(rotate)
    along_x = _matrix(one, -LARGEST_SHEAR * shear_x, nought, one)
    along_y = _matrix(one, nought, -LARGEST_SHEAR * shear_y, one)
    cos, sin = (LARGEST_ANGLE * rotate).cos(), (LARGEST_ANGLE * rotate).sin()
    # Maps go backwards, from the result to the picture: the last operation is undone first.
    linear = _product(_product(along_x, along_y), _matrix(cos, -sin, sin, cos))
    extent = torch.tensor([size[1], size[0]])
    shift = (LARGEST_SHIFT * extent * torch.stack(translate, dim=1)).round()
    centre = (extent - 1) / 2
    origin = centre - (linear * (centre + shift)[:, None]).sum(2)
    matrices = torch.cat([linear, origin[..., None]], dim=2)
    matrices = matrices.to(device, non_blocking=True)
    return Warp(matrices, source=size, size=size, is_identity=not strength.any())


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """float32 (N, 2, 2): rows a b and c d."""
    return torch.stack([a, b, c, d], dim=1).unflatten(1, (2, 2))


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Of matrices, (N, 2, 2); unlike ``@`` it keeps all bits under autocast."""
    return (left[..., None] * right[:, None]).sum(2)


# All take and return float32 (N, 3, H, W) in [0, 1]; factors, levels and thresholds are
# (N, 1, 1, 1).


def autocontrast(images: Tensor) -> Tensor:
    """Stretch every channel's values to [0, 1]; a channel of one value stays."""
    lowest, highest = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    stretched = (images - lowest) / (highest - lowest)
    return torch.where(highest > lowest, stretched, images)


def adjust_sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Away from the smoothed picture (factor > 1) or towards it; border pixels stay."""
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


def _factor(strength: Tensor) -> Tensor:
    return 1 + LARGEST_CHANGE * strength


def _levels(strength: Tensor) -> Tensor:
    """Of 8 to 4 bits."""
    return 2 ** (8 - (4 * strength.abs()).round())


COLOURS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "autocontrast": lambda images, _: autocontrast(images),
    "equalize": lambda images, _: equalize(images),
    "brightness": lambda images, strength: adjust_brightness(images, _factor(strength)),
    "contrast": lambda images, strength: adjust_contrast(images, _factor(strength)),
    "saturation": lambda images, strength: adjust_saturation(images, _factor(strength)),
    "sharpness": lambda images, strength: adjust_sharpness(images, _factor(strength)),
    "solarize": lambda images, strength: solarize(images, 1 - strength.abs()),
    "posterize": lambda images, strength: posterize(images, _levels(strength)),
}
"""What an operation makes of pictures, float32 (n, 3, H, W) in [0, 1], by its strengths, float32
(n, 1, 1, 1) from -1 to 1; the ranges are torchvision's."""
GEOMETRY = ("shear_x", "shear_y", "rotate", "translate_x", "translate_y")
OPERATIONS = (*COLOURS, *GEOMETRY, "identity")
