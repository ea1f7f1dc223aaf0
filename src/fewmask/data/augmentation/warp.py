"""Flips, zooms, rotations and crops of a batch: the operators A and B of Ke et al. 2020 (3.1).

One random map per image, drawn once from torch's generator on the CPU, and applied to images
(A) and to masks and padding (B) alike. A step with nothing to do is left out, and flips and crops
move pixels without touching their values.
"""

from dataclasses import dataclass
from functools import cached_property
from math import radians

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fewmask import IGNORE
from fewmask.config.augmentation import Augmentation


@dataclass(frozen=True)
class Warp:
    """An affine map for every image of a batch.

    A map leads from a pixel of the result to the place in the image that it shows. Both are in
    pixels, x to the right and y down, and (0, 0) is the centre of the top left pixel. The linear
    part, ``matrices[:, :, :2]``, transforms vectors: it is diag(-1, 1) for a left-right flip, and a
    rotation times 1/2 where things appear twice as large.
    """

    matrices: Tensor
    """float32 (N, 2, 3): (x, y) in the image = matrix @ (x, y, 1) in the result."""
    source: tuple[int, int]
    """Height and width of the images."""
    size: tuple[int, int]
    """Height and width of the result."""
    moves_whole_pixels: bool = False
    """The maps are flips and shifts by whole pixels, so that nothing needs to be interpolated."""
    is_identity: bool = False
    """The maps leave images as they are."""

    @classmethod
    def draw(
        cls,
        settings: Augmentation,
        count: int,
        height: int,
        width: int,
        device: torch.device | str = "cpu",
    ) -> "Warp":
        """Draw flips, zoom, rotation and crop for ``count`` images.

        The place of a crop in the zoomed image is uniformly distributed; a crop larger than the
        image contains all of it, at any place. Zoom and rotation are about the centre of the crop;
        without a crop, about that of the image.
        """
        flip, vertical_flip, zoom, angle, *place = torch.rand(6, count)
        flips = [flip < settings.flip, vertical_flip < settings.vertical_flip]
        signs = 1 - 2 * torch.stack(flips, dim=1).float()
        smallest, largest = settings.scale
        zoom = smallest * (largest / smallest) ** zoom
        angle = radians(settings.rotate) * (2 * angle - 1)
        size = settings.size_of(height, width)
        centre = torch.tensor([(width - 1) / 2, (height - 1) / 2]).expand(count, 2)
        if settings.crop is not None:
            room = zoom[:, None] * torch.tensor([width, height]) - torch.tensor(size[::-1])
            centre = centre + _shift(room, torch.stack(place, dim=1)) / zoom[:, None]

        if settings.crop_area != (1, 1):
            part, centre = _part(settings, count, height, width)
            signs = signs * part

        is_whole = settings.scale == (1, 1) == settings.crop_area
        moves_whole_pixels = is_whole and settings.rotate == 0
        never_flips = settings.flip == 0 and settings.vertical_flip == 0
        return cls(
            similarity(signs, zoom, angle, centre, size).to(device, non_blocking=True),
            source=(height, width),
            size=size,
            moves_whole_pixels=moves_whole_pixels,
            is_identity=moves_whole_pixels and never_flips and size == (height, width),
        )

    def images(self, images: Tensor) -> Tensor:
        """Operator A: float32 (N, C, H, W), bilinear; outside the image, its edge pixels."""
        if self._changes_nothing(images):
            return images
        if self.moves_whole_pixels:
            warped = self._nearest(images)
        else:
            warped = F.grid_sample(images, self._grid, padding_mode="border", align_corners=False)
        return warped.contiguous(memory_format=memory_format_of(images))

    def masks(self, masks: Tensor, outside: int = IGNORE) -> Tensor:
        """Operator B: uint8 or int64 (N, H, W), nearest pixel; ``outside`` the image."""
        if self._changes_nothing(masks):
            return masks
        return self._nearest(masks[:, None])[:, 0].masked_fill_(~self._is_covered, outside)

    def inside(self, inside: Tensor) -> Tensor:
        """The padding channel, float32 (N, 1, H, W), nearest pixel; 0 outside the image."""
        if self._changes_nothing(inside):
            return inside
        return self._nearest(inside).masked_fill_(~self._is_covered[:, None], 0)

    def _changes_nothing(self, batch: Tensor) -> bool:
        if tuple(batch.shape[-2:]) != self.source:
            raise ValueError(f"drawn for {self.source}, given {tuple(batch.shape[-2:])} pixels")
        return self.is_identity

    @cached_property
    def _places(self) -> tuple[Tensor, Tensor]:
        """Where the pixels of the result lie in the image: x and y, float32 (N, h, w).

        Where whole pixels are moved, x and y are independent: x is (N, 1, w) and y is (N, h, 1).
        """
        # Products and sums one by one: a matrix product would lose bits under autocast and TF32.
        x, y = self.matrices[..., None, None].unbind(1)
        across = torch.arange(self.size[1], device=self.matrices.device)
        down = torch.arange(self.size[0], device=self.matrices.device)[:, None]
        if self.moves_whole_pixels:
            return x[:, 0] * across + x[:, 2], y[:, 1] * down + y[:, 2]
        return tuple((row[:, 0] * across + row[:, 2]) + row[:, 1] * down for row in (x, y))

    @cached_property
    def _grid(self) -> Tensor:
        """The same in the coordinates of `grid_sample`: (N, h, w, 2), -1 and 1 at the borders."""
        pairs = zip(self._places, reversed(self.source), strict=True)
        return torch.stack([(place * 2).add_(1).div_(n).sub_(1) for place, n in pairs], dim=-1)

    @cached_property
    def _nearest_pixels(self) -> tuple[Tensor, Tensor]:
        """Column and row of the nearest pixel, int64, of the places' shapes; may lie outside."""
        return tuple((place + 0.5).floor_().long() for place in self._places)

    @cached_property
    def _is_covered(self) -> Tensor:
        """bool (N, h, w): which pixels of the result show something of the image."""
        (column, row), (height, width) = self._nearest_pixels, self.source
        return ((column >= 0) & (column < width)) & ((row >= 0) & (row < height))

    @cached_property
    def _index(self) -> Tensor:
        """Which of an image's H * W pixels each pixel of the result shows, int64 (N, h * w)."""
        (column, row), (height, width) = self._nearest_pixels, self.source
        first_of_row = row.clamp(0, height - 1).mul_(width)
        return (first_of_row + column.clamp(0, width - 1)).flatten(1)

    def _nearest(self, batch: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, h, w)"""
        index = self._index[:, None].expand(-1, batch.shape[1], -1)
        return batch.flatten(2).gather(2, index).unflatten(2, self.size)


def similarity(
    signs: Tensor, zoom: Tensor, angle: Tensor, centre: Tensor, size: tuple[int, int]
) -> Tensor:
    """Maps that flip, then rotate, then zoom, from the centre of the result to a given one.

    Args:
        signs: float32 (N, 2), -1 to flip x or y, else 1; times the share of the image's width
            and height that the result shows, where it does not show all.
        zoom: float32 (N), 2 shows things twice as large.
        angle: float32 (N), in radians; things turn anticlockwise.
        centre: float32 (N, 2), x and y of the place that the result's centre shows.
        size: height and width of the result.

    Returns:
        float32 (N, 2, 3), as in `Warp.matrices`.
    """
    cos, sin = angle.cos(), angle.sin()
    rotation = torch.stack([cos, -sin, sin, cos], dim=1).unflatten(1, (2, 2))
    linear = signs[..., None] * rotation / zoom[:, None, None]
    middle = torch.tensor([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return torch.cat([linear, centre[..., None] - (linear * middle).sum(2, keepdim=True)], dim=2)


def _part(settings: Augmentation, count: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """A random part of each image: its share of the width and height, float32 (N, 2), and the x and
    y of its centre, float32 (N, 2). A part wider or higher than the image is cut to it."""
    area, aspect, *place = torch.rand(4, count)
    smallest, largest = settings.crop_area
    narrowest, widest = settings.crop_aspect
    area = smallest + (largest - smallest) * area
    aspect = narrowest * (widest / narrowest) ** aspect
    part = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], dim=1).clamp(max=1)
    corner = (1 - part) * torch.stack(place, dim=1)
    return part, (corner + part / 2) * torch.tensor([width, height]) - 0.5


def _shift(room: Tensor, place: Tensor) -> Tensor:
    """The offset of a crop's centre from the image's, float32 (N, 2) in zoomed pixels.

    Args:
        room: float32 (N, 2), by how much the image is larger than the crop; negative: smaller.
        place: float32 (N, 2) in [0, 1[. It selects the crop's corner among the whole numbers from
            0 to ``room``.
    """
    corners = room.abs().floor() + 1
    corner = (place * corners).floor().minimum(corners - 1)  # The product may round to corners.
    return corner * room.sign() - room / 2


def memory_format_of(images: Tensor) -> torch.memory_format:
    """Channels last, or contiguous."""
    is_last = images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if is_last else torch.contiguous_format
