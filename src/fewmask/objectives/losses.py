"""Losses of class scores against masks, where pixels of value 255 count nowhere, and of colours
against images, where the padding does not count. All are in float32."""

import math

import segmentation_models_pytorch as smp
import torch
from torch import Tensor
from torch.nn import functional

from fewmask import IGNORE
from fewmask.objectives.hard_pixels import HardPixels
from fewmask.tasks.segmentation import summed_cross_entropy


def mean(total: Tensor, count: Tensor) -> Tensor:
    """The mean of what ``total`` sums up over so many values; 0 where there are none, not NaN."""
    return total / count.clamp(min=1)


def cross_entropy(logits: Tensor, mask: Tensor) -> Tensor:
    """The mean cross-entropy over the labelled pixels; 0 where there are none, not NaN."""
    return mean(*summed_cross_entropy(logits, mask))


def hard_cross_entropy(logits: Tensor, mask: Tensor, hard: HardPixels) -> Tensor:
    """The mean cross-entropy over the hard ones of the labelled pixels; 0 where there are none."""
    error = functional.cross_entropy(logits.float(), mask, ignore_index=IGNORE, reduction="none")
    known = mask != IGNORE
    ordered = error.masked_fill(~known, -torch.inf).flatten().sort(descending=True).values
    last = (hard.least * known.sum()).long().clamp(min=1) - 1
    kept = known & (error >= ordered[last].clamp(max=-math.log(hard.threshold)))
    return mean((error * kept).sum(), kept.sum())


def pixel_squared_error(predicted: Tensor, image: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """The summed squared error inside the images, and how many values it is summed over.

    ``predicted`` and ``image`` float (N, C, H, W); ``inside`` float (N, 1, H, W), 1 inside a
    image and 0 in its padding.
    """
    error = (predicted.float() - image).square() * inside
    return error.sum(), image.shape[1] * inside.sum()


_dice = smp.losses.DiceLoss("multiclass", from_logits=True, ignore_index=IGNORE)


def dice(logits: Tensor, mask: Tensor) -> Tensor:
    """One minus the soft Dice coefficient, averaged over the classes.

    A class that no pixel of the batch has counts as 0.
    """
    return _dice(logits.float(), mask)


BY_NAME = {"cross_entropy": cross_entropy, "dice": dice}
