"""Random changes of a batch, of which the geometric ones take masks along.

A `Warp` is the pair of operators A and B of paper 001 (3.1): one random map per picture, drawn
once, and applied to pictures (A) and to masks and padding (B) alike. A `Colour` changes pictures
only. Everything is drawn from torch's generator on the CPU, so that every device sees the same, and
moved without waiting for the device; a batch is changed as a whole, on the device it lies on.

A step with nothing to do is left out, and flips and crops move pixels without touching their
values. What comes out has the memory format of what came in (channels last, say).
"""

from dataclasses import dataclass
from functools import cached_property
from math import radians

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fewmask import IGNORE
from fewmask.config.augmentation import Augmentation
from fewmask.data.blur import Blur


def augment(
    images: Tensor, masks: Tensor | None, inside: Tensor | None, settings: Augmentation
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Change every picture of a batch at random, and its mask and padding in the same way.

    Args:
        images: (N, 3, H, W), float32 in [0, 1] or uint8.
        masks: uint8 or int64 (N, H, W), or None.
        inside: float32 (N, 1, H, W), 1 inside a picture and 0 in its padding, or None.
        settings: what may change, and by how much.

    Returns:
        The same three; the images float32 in [0, 1], all of the size of the crop if there is one.
    """
    change = Change.draw(settings, images)
    warp = change.warp
    masks = None if masks is None else warp.masks(masks)
    inside = None if inside is None else warp.inside(inside)
    return change.images(images), masks, inside


@dataclass(frozen=True)
class Change:
    """All changes of a batch: what moves its pixels, and what changes their colours."""

    warp: "Warp"
    colour: "Colour"
    blur: Blur | None

    @classmethod
    def draw(cls, settings: Augmentation, images: Tensor) -> "Change":
        """Draw the changes for pictures like ``images``, (N, C, H, W)."""
        count, _, height, width = images.shape
        return cls(
            Warp.draw(settings, count, height, width, images.device),
            Colour.draw(settings, count, images.device),
            Blur.draw(settings, count, images.device),
        )

    def images(self, images: Tensor) -> Tensor:
        """The changed pictures, float32 (N, C, h, w) in [0, 1]."""
        memory_format = _memory_format(images)
        if not images.is_floating_point():
            images = images.float() / 255
        images = self.colour.images(self.warp.images(images))
        if self.blur is not None:
            images = self.blur.images(images).contiguous(memory_format=memory_format)
        return images


@dataclass(frozen=True)
class Warp:
    """An affine map for every picture of a batch.

    The maps go backwards, from a pixel of the result to the place in the picture that it shows.
    Both are in pixels, x to the right and y down, and (0, 0) is the centre of the top left pixel.
    The linear part, ``matrices[:, :, :2]``, is what vectors in the picture need: diag(-1, 1) for a
    left-right flip, a rotation times 1/2 for things shown twice as large.
    """

    matrices: Tensor
    """float32 (N, 2, 3): (x, y) in the picture = matrix @ (x, y, 1) in the result."""
    source: tuple[int, int]
    """Height and width of the pictures."""
    size: tuple[int, int]
    """Height and width of the result."""
    moves_whole_pixels: bool = False
    """The maps are flips and shifts by whole pixels, so that nothing needs to be interpolated."""
    is_identity: bool = False
    """The maps change nothing at all."""

    @classmethod
    def draw(
        cls,
        settings: Augmentation,
        count: int,
        height: int,
        width: int,
        device: torch.device | str = "cpu",
    ) -> "Warp":
        """Draw flips, zoom, rotation and crop for ``count`` pictures.

        A crop is taken at any place of the zoomed picture with equal chance; one that is larger
        than the picture holds all of it, at any place. Zoom and rotation are about the centre of
        the crop; without a crop, about that of the picture.
        """
        flip, vertical_flip, zoom, angle, *place = torch.rand(6, count)
        flips = [flip < settings.flip, vertical_flip < settings.vertical_flip]
        signs = 1 - 2 * torch.stack(flips, dim=1).float()
        smallest, largest = settings.scale
        zoom = smallest * (largest / smallest) ** zoom
        angle = radians(settings.rotate) * (2 * angle - 1)
        crop = settings.crop
        size = (height, width) if crop is None else (crop, crop) if isinstance(crop, int) else crop
        centre = torch.tensor([(width - 1) / 2, (height - 1) / 2]).expand(count, 2)
        if crop is not None:
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
        """Operator A: float32 (N, C, H, W), bilinear; outside the picture, its edge pixels."""
        if self._changes_nothing(images):
            return images
        if self.moves_whole_pixels:
            warped = self._nearest(images)
        else:
            warped = F.grid_sample(images, self._grid, padding_mode="border", align_corners=False)
        return warped.contiguous(memory_format=_memory_format(images))

    def masks(self, masks: Tensor, outside: int = IGNORE) -> Tensor:
        """Operator B: uint8 or int64 (N, H, W), nearest pixel; ``outside`` the picture."""
        if self._changes_nothing(masks):
            return masks
        return self._nearest(masks[:, None])[:, 0].masked_fill_(~self._is_covered, outside)

    def inside(self, inside: Tensor) -> Tensor:
        """The padding channel, float32 (N, 1, H, W), nearest pixel; 0 outside the picture."""
        if self._changes_nothing(inside):
            return inside
        return self._nearest(inside).masked_fill_(~self._is_covered[:, None], 0)

    def _changes_nothing(self, batch: Tensor) -> bool:
        if tuple(batch.shape[-2:]) != self.source:
            raise ValueError(f"drawn for {self.source}, given {tuple(batch.shape[-2:])} pixels")
        return self.is_identity

    @cached_property
    def _places(self) -> tuple[Tensor, Tensor]:
        """Where the pixels of the result lie in the picture: x and y, float32 (N, h, w).

        Where whole pixels are moved x is (N, 1, w) and y is (N, h, 1), for they are independent.
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
        """The same as `grid_sample` wants it: (N, h, w, 2), -1 and 1 at the picture's borders."""
        pairs = zip(self._places, reversed(self.source), strict=True)
        return torch.stack([(place * 2).add_(1).div_(n).sub_(1) for place, n in pairs], dim=-1)

    @cached_property
    def _nearest_pixels(self) -> tuple[Tensor, Tensor]:
        """Column and row of the nearest pixel, int64, shaped as the places; may lie outside."""
        return tuple((place + 0.5).floor_().long() for place in self._places)

    @cached_property
    def _is_covered(self) -> Tensor:
        """bool (N, h, w): which pixels of the result show something of the picture."""
        (column, row), (height, width) = self._nearest_pixels, self.source
        return ((column >= 0) & (column < width)) & ((row >= 0) & (row < height))

    @cached_property
    def _index(self) -> Tensor:
        """Which of a picture's H * W pixels each pixel of the result shows, int64 (N, h * w)."""
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
        signs: float32 (N, 2), -1 to flip x or y, else 1; times the share of the picture's width
            and height that the result shows, should that not be all.
        zoom: float32 (N), 2 shows things twice as large.
        angle: float32 (N), in radians; things turn anticlockwise.
        centre: float32 (N, 2), x and y of what the result's centre shows.
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
    """A part of each picture at any place: float32 (N, 2), which share of the width and height it
    is, and the x and y of its centre. A part wider or higher than the picture is cut to it."""
    area, aspect, *place = torch.rand(4, count)
    smallest, largest = settings.crop_area
    narrowest, widest = settings.crop_aspect
    area = smallest + (largest - smallest) * area
    aspect = narrowest * (widest / narrowest) ** aspect
    part = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], dim=1).clamp(max=1)
    corner = (1 - part) * torch.stack(place, dim=1)
    return part, (corner + part / 2) * torch.tensor([width, height]) - 0.5


def _shift(room: Tensor, place: Tensor) -> Tensor:
    """How far a crop's centre lies from the picture's, float32 (N, 2) in zoomed pixels.

    The crop's corner is one of the whole numbers from 0 to ``room`` (N, 2), by how much the picture
    is larger than the crop (from ``room`` to 0 where it is smaller), according to ``place`` in
    [0, 1[.
    """
    corners = room.abs().floor() + 1
    corner = (place * corners).floor().minimum(corners - 1)  # The product may round to corners.
    return corner * room.sign() - room / 2


def _memory_format(images: Tensor) -> torch.memory_format:
    is_last = images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if is_last else torch.contiguous_format


@dataclass(frozen=True)
class Colour:
    """Changes of colour: a factor or shift for every picture, (N, 1, 1, 1), or None for none."""

    brightness: Tensor | None = None
    contrast: Tensor | None = None
    saturation: Tensor | None = None
    hue: Tensor | None = None
    greyscale: Tensor | None = None
    """Of 1 where nothing is left of the colours, of 0 elsewhere."""

    @classmethod
    def draw(
        cls, settings: Augmentation, count: int, device: torch.device | str = "cpu"
    ) -> "Colour":
        """Draw factors evenly around 1, and shifts of the hue around 0, for ``count`` pictures."""
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
        """Change float32 (N, 3, H, W) in [0, 1]: brightness, contrast, saturation, then hue."""
        memory_format = _memory_format(images)
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


# The same as torchvision.transforms.v2.functional, but with a factor for every picture. All take
# and return float32 (N, 3, H, W) in [0, 1]; factors and shifts are (N, 1, 1, 1).


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Away from black (factor > 1) or towards it."""
    return (images * factor).clamp_(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Away from the picture's mean grey (factor > 1) or towards it."""
    grey = _grey(images).mean((2, 3), keepdim=True)
    return torch.lerp(grey, images, factor).clamp_(0, 1)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Away from every pixel's grey (factor > 1) or towards it."""
    return torch.lerp(_grey(images), images, factor).clamp_(0, 1)


def adjust_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the colour circle by ``shift`` of a whole turn; a pixel's extremes stay."""
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
    """How bright a pixel appears, (N, 1, H, W) (ITU-R BT.601)."""
    red, green, blue = images.split(1, dim=1)
    return 0.2989 * red + 0.587 * green + 0.114 * blue
