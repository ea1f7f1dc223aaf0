"""How feature maps are perturbed before an auxiliary decoder sees them (Ouali et al. 2020, 3.3)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fewmask.objectives.cct.settings import CCTSettings
from fewmask.objectives.features.channels import kept_channels
from fewmask.objectives.features.maps import Maps
from fewmask.objectives.features.noise import added, adversarial_noise, uniform_noise
from fewmask.objectives.features.places import (
    Predicted,
    only,
    without_boxes,
    without_most_active,
)


@dataclass(frozen=True)
class Given:
    """What a perturbation depends on besides the maps."""

    numbers: Tensor
    """float32 (N, n), drawn evenly from [0, 1) for each image."""
    generator: torch.Generator
    """Draws what is alike for all images."""
    predicted: Predicted
    """What the main decoder predicts."""
    scores: Callable[[Maps], Tensor]
    """The logits of the auxiliary decoder for perturbed maps, in evaluation mode."""


def noise(options: CCTSettings, maps: Maps, given: Given) -> list[Tensor]:
    """F-Noise."""
    return uniform_noise(maps, options.largest_noise, given.generator)


def dropout(options: CCTSettings, maps: Maps, given: Given) -> list[Tensor]:
    """DropOut; maps that are equally wide drop the same channels."""
    scales = kept_channels(given.numbers, options.channel_dropout)
    return [one * scales[:, : one.shape[1], None, None].to(one.dtype) for one in maps]


def most_active(options: CCTSettings, maps: Maps, given: Given) -> list[Tensor]:
    """F-Drop."""
    lowest, highest = options.active_share
    return without_most_active(maps, lowest + (highest - lowest) * given.numbers[:, 0])


def cutout(options: CCTSettings, maps: Maps, given: Given) -> list[Tensor]:
    """Guided Cutout."""
    count = given.predicted.count
    places = given.numbers[:, : 2 * count].view(-1, count, 2)
    return without_boxes(maps, given.predicted, options.erased, places)


def objects(options: CCTSettings, maps: Maps, given: Given) -> list[Tensor]:
    """Context masking."""
    return only(maps, given.predicted.foreground)


def context(options: CCTSettings, maps: Maps, given: Given) -> list[Tensor]:
    """Object masking."""
    return only(maps, ~given.predicted.foreground)


def adversarial(options: CCTSettings, maps: Maps, given: Given) -> list[Tensor]:
    """I-VAT."""
    return added(maps, adversarial_noise(maps, given.scores, options.length, given.generator))


BY_NAME = {
    one.__name__: one
    for one in (noise, dropout, most_active, cutout, objects, context, adversarial)
}


def numbers_of(widths: list[int], classes: int) -> int:
    """How many numbers a perturbation needs for an image at most, where maps have so many
    channels."""
    return max(*widths, 2 * classes)
