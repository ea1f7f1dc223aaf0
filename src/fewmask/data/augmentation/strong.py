"""Strong random changes of a batch: RandAugment, then Cutout (Ke et al. 2020, 3.1).

Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search space"
(2020); DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout"
(2017). Operations, magnitudes and Cutout are those of the code that belongs to the paper
(github.com/RK621/ThreeStageSelftraining_SemanticSegmentation, commit e9b941d).

For every image some of 14 operations are drawn, with replacement, and applied in the order drawn.
In that code every operation resamples the image, by nearest pixels. Here operations of colour come
first and those of geometry follow as one bilinear `Warp`, each kind in the order drawn: colours do
not move pixels, maps do not change colours, and an image is interpolated at most once.

Pixels outside the image, and those that are cut out, become mid-grey, which suggests no class,
whereas edge pixels stretched to stripes resemble some classes.
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
from fewmask.data.augmentation.colour import adjust_brightness, adjust_contrast, adjust_saturation
from fewmask.data.augmentation.warp import Warp

GREY = 0.5
SHEAR = 0.03
"""Of a level, in pixels per pixel."""
ANGLE = radians(3)
"""Of a level."""
SHIFT = 1 / 321
"""Of a level, as a share of the image's shorter side: one pixel of the paper's crops."""


@dataclass(frozen=True)
class ColourStep:
    """One operation of colour, for the images that drew it at the same place of their order."""

    name: str
    rows: Tensor
    """Which images it changes, int64 (n)."""
    levels: Tensor
    """How strongly, float32 (n, 1, 1, 1), whole numbers from 1 to 9."""


@dataclass(frozen=True)
class StrongAugmentation:
    """One draw for every image of a batch: operator A for images, B for what belongs to them.

    Drawn from torch's generator on the CPU, applied to the batch as a whole on its device.
    """

    colours: tuple[ColourStep, ...]
    """In the order in which they are applied."""
    warp: Warp
    corners: Tensor
    """Column and row of the top left pixel of every box, int64 (N, boxes, 2); may lie outside."""
    box_size: int
    """Pixels."""
    ignore_boxes: bool

    @classmethod
    def draw(
        cls,
        settings: config.StrongAugmentationSettings,
        count: int,
        height: int,
        width: int,
        device: torch.device | str = "cpu",
    ) -> "StrongAugmentation":
        """Draw operations, their levels and the boxes for ``count`` images.

        A box's centre is any pixel with equal chance, so that parts of it may lie outside.
        """
        shape = (count, settings.operations)
        operations = torch.randint(len(OPERATIONS), shape)
        levels = torch.randint(1, settings.magnitude + 1, shape).float()
        signs = 1 - 2 * torch.randint(2, shape)
        is_skipped = torch.rand(shape) >= settings.probability
        operations = operations.masked_fill(is_skipped, OPERATIONS.index("identity"))
        centres = torch.rand(count, settings.boxes, 2) * torch.tensor([width, height])
        box_size = max(1, round(settings.box_size * min(height, width)))
        corners = centres.long() - box_size // 2
        return cls(
            _colour_steps(operations, levels, device),
            compose(operations, levels * signs, (height, width), device),
            corners.to(device, non_blocking=True),
            box_size,
            settings.ignore_boxes,
        )

    def images(self, images: Tensor) -> Tensor:
        """Operator A: float32 (N, 3, H, W) in [0, 1]; grey outside the image and in the boxes."""
        changed = images.clone()
        for step in self.colours:
            change = COLOURS[step.name]
            changed.index_copy_(0, step.rows, change(changed[step.rows], step.levels))
        return self.warp.images(changed).masked_fill_(self._is_grey[:, None], GREY)

    def masks(self, masks: Tensor) -> Tensor:
        """Operator B: uint8 or int64 (N, H, W), nearest pixel; `IGNORE` where pixels do not
        count."""
        return self.warp.masks(masks).masked_fill(~self.counts, IGNORE)

    def maps(self, maps: Tensor) -> Tensor:
        """Operator B for soft masks: float32 (N, K, H, W), say the probabilities of classes.

        Bilinear, as the images are; what it returns holds only where ``counts`` is true.
        """
        return self.warp.images(maps)

    def inside(self, inside: Tensor) -> Tensor:
        """The padding channel, float32 (N, 1, H, W), 0 outside the image; boxes do not change
        it."""
        return self.warp.inside(inside)

    @cached_property
    def counts(self) -> Tensor:
        """bool (N, H, W): pixels that show something of the image, unless it is in a box and
        boxes are ignored. Padding counts here: ``inside`` marks it."""
        return ~self._is_grey if self.ignore_boxes else self._is_covered

    @cached_property
    def _is_grey(self) -> Tensor:
        return ~self._is_covered | self._is_cut_out

    @cached_property
    def _is_covered(self) -> Tensor:
        """bool (N, H, W): within the image."""
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


def _colour_steps(
    operations: Tensor, levels: Tensor, device: torch.device | str
) -> tuple[ColourStep, ...]:
    """The changes of colour, from operations, int64 (N, places), and their levels."""
    steps = []
    for place in range(operations.shape[1]):
        for index, name in enumerate(COLOURS):
            rows = (operations[:, place] == index).nonzero()[:, 0]
            if len(rows):
                strengths = levels[rows, place].view(-1, 1, 1, 1)
                on_device = (one.to(device, non_blocking=True) for one in (rows, strengths))
                steps.append(ColourStep(name, *on_device))
    return tuple(steps)


def compose(
    operations: Tensor,
    levels: Tensor,
    size: tuple[int, int],
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
    shift = SHIFT * min(size) * torch.stack(translate, dim=2)
    origin = still - _times(linear, still) - shift

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


# All take and return float32 (N, 3, H, W) in [0, 1]; factors, levels and thresholds are
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
"""What an operation makes of images, float32 (n, 3, H, W) in [0, 1], by its levels, float32
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
