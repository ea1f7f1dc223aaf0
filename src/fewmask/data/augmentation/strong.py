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

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.config import strong_augmentation as config
from fewmask.data.augmentation.colour import OF_COLOURS
from fewmask.data.augmentation.operations import COLOURS, OPERATIONS, compose
from fewmask.data.augmentation.warp import Warp

GREY = 0.5


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
        spared: int = 0,
        is_rgb: bool = True,
    ) -> "StrongAugmentation":
        """Draw operations, their levels and the boxes for ``count`` images, of which the first
        ``spared`` stay as they are. Unless they are red, green and blue, operations of colours
        leave them unchanged.

        A box's centre is any pixel with equal chance, so that parts of it may lie outside.
        """
        shape = (count, settings.operations)
        operations = torch.randint(len(OPERATIONS), shape)
        levels = torch.randint(1, settings.magnitude + 1, shape).float()
        signs = 1 - 2 * torch.randint(2, shape)
        is_skipped = torch.rand(shape) >= settings.probability
        is_skipped[:spared] = True
        operations = operations.masked_fill(is_skipped, OPERATIONS.index("identity"))
        centres = torch.rand(count, settings.boxes, 2) * torch.tensor([width, height])
        box_size = max(1, round(settings.box_size * min(height, width)))
        corners = centres.long() - box_size // 2
        corners[:spared] = -box_size  # outside
        return cls(
            _colour_steps(operations, levels, device, is_rgb),
            compose(operations, levels * signs, (height, width), settings.shift, device),
            corners.to(device, non_blocking=True),
            box_size,
            settings.ignore_boxes,
        )

    def images(self, images: Tensor) -> Tensor:
        """Operator A: float32 (N, C, H, W) in [0, 1]; grey outside the image and in the boxes."""
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
    operations: Tensor, levels: Tensor, device: torch.device | str, is_rgb: bool
) -> tuple[ColourStep, ...]:
    """The changes of colour, from operations, int64 (N, places), and their levels."""
    steps = []
    for place in range(operations.shape[1]):
        for index, name in enumerate(COLOURS):
            rows = (operations[:, place] == index).nonzero()[:, 0]
            if len(rows) and (is_rgb or name not in OF_COLOURS):
                strengths = levels[rows, place].view(-1, 1, 1, 1)
                on_device = (one.to(device, non_blocking=True) for one in (rows, strengths))
                steps.append(ColourStep(name, *on_device))
    return tuple(steps)
