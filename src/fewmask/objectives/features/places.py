"""Places of feature maps that are left out: what is most active, or what shows objects."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from fewmask.objectives.features.maps import Maps


@dataclass(frozen=True)
class Predicted:
    """The classes that a network predicts, and which of them is the background of each image."""

    classes: Tensor
    """int64 (N, H, W)."""
    background: Tensor
    """int64 (N)."""
    count: int
    """How many classes there are."""

    @classmethod
    def of(cls, logits: Tensor, inside: Tensor, background: int | None) -> "Predicted":
        """The likeliest classes of logits, float (N, K, H, W), of images that are ``inside``, float
        (N, 1, H, W). ``background``: the class; None for the one that most of an image shows."""
        area = (logits.softmax(1) * inside).sum((2, 3))
        common = area.argmax(1) if background is None else area.new_full((len(area),), background)
        return cls(logits.argmax(1), common.long(), logits.shape[1])

    @property
    def foreground(self) -> Tensor:
        """bool (N, H, W): what is not background."""
        return self.classes != self.background[:, None, None]


def only(maps: Maps, kept: Tensor) -> list[Tensor]:
    """Maps that are 0 outside ``kept``, bool (N, H, W)."""
    kept = kept[:, None].float()
    return [one * interpolate(kept, one.shape[2:]).to(one.dtype) for one in maps]


def without_most_active(maps: Maps, shares: Tensor) -> list[Tensor]:
    """Maps that are 0 where the mean of their channels reaches a share of its largest value.

    ``shares``: float (N), one for every image.
    """

    def is_calm(one: Tensor) -> Tensor:
        activity = one.mean(1, keepdim=True)
        return activity < activity.amax((2, 3), keepdim=True) * shares.view(-1, 1, 1, 1)

    return [one * is_calm(one) for one in maps]


def without_boxes(maps: Maps, predicted: Predicted, share: float, places: Tensor) -> list[Tensor]:
    """Maps that are 0 in a box inside the bounding box of every class but the background.

    Args:
        maps: feature maps.
        predicted: the classes.
        share: of a side of the bounding box, what the side of the box has.
        places: float (N, K, 2) in [0, 1], where each box lies in its bounding box.
    """
    all_classes = torch.arange(predicted.count, device=predicted.classes.device)
    is_class = predicted.classes[:, None] == all_classes[:, None, None]
    is_object = (all_classes != predicted.background[:, None])[:, :, None]
    sides = [
        _inner(is_class.any(axis) & is_object, share, place)
        for axis, place in zip((3, 2), places.unbind(2), strict=True)
    ]

    def is_outside(one: Tensor) -> Tensor:
        down, across = (
            _covered(*side, length) for side, length in zip(sides, one.shape[2:], strict=True)
        )
        return down.transpose(1, 2) @ across == 0

    return [one * is_outside(one)[:, None] for one in maps]


def _inner(present: Tensor, share: float, place: Tensor) -> tuple[Tensor, Tensor]:
    """Where the sides of the inner boxes start and end, as shares of the side of the image: float
    (N, K) each; from bool (N, K, length), where a class is. An absent class has an empty side."""
    length = present.shape[2]
    index = torch.arange(length, device=present.device)
    first = torch.where(present, index, length).amin(2) / length
    last = (torch.where(present, index, -1).amax(2) + 1) / length
    start = first + place * (1 - share) * (last - first)
    return start, start + share * (last - first)


def _covered(start: Tensor, end: Tensor, length: int) -> Tensor:
    """float (N, K, length): 1 where the centre of a place of a map lies in a side."""
    centres = (torch.arange(length, device=start.device) + 0.5) / length
    return ((centres >= start[..., None]) & (centres < end[..., None])).float()
