"""Whole channels of the encoder's maps that are dropped.

What is dropped is drawn for every image, outside of the network, so that processes which share the
images of a step drop the same.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fewmask.core.errors import FewmaskError
from fewmask.networks.backbone import Backbone

Scales = dict[int, Tensor]
"""What the channels of feature maps are multiplied by: float32 (N, C), by the index of the map."""


def channels_of(network: Backbone, maps: Sequence[int] | None, key: str) -> dict[int, int]:
    """The channels of some of an encoder's feature maps, by their indices from 0.

    ``maps``: indices, negative ones from the last map; None for all but the image itself. Raises
    FewmaskError for a map that there is not, which names the ``key`` of the objective's settings.
    """
    channels = network.encoder.out_channels
    chosen = range(1, len(channels)) if maps is None else maps
    unknown = [index for index in chosen if not -len(channels) <= index < len(channels)]
    if unknown:
        raise FewmaskError(
            f"objective.{key} names {unknown[0]}; {network.settings.encoder} has "
            f"{len(channels)} feature maps, from 0 (the image) to {len(channels) - 1}"
        )
    return {index % len(channels): channels[index] for index in chosen}


def whole(channels: dict[int, int], count: int) -> Scales:
    """Features of ``count`` images as they are."""
    return {index: torch.ones(count, width) for index, width in channels.items()}


def dropped(channels: dict[int, int], count: int, probability: float) -> Scales:
    """Channels dropped with a ``probability``, the others scaled to keep the mean."""
    return {
        index: kept_channels(torch.rand(count, width), probability)
        for index, width in channels.items()
    }


def kept_channels(numbers: Tensor, probability: float) -> Tensor:
    """0 for channels that are dropped, because their number in [0, 1) is below ``probability``, and
    for others what keeps the mean: float32 (N, C) -> the same."""
    return (numbers >= probability) / (1 - probability)


def complementary(channels: dict[int, int], count: int, share: float) -> tuple[Scales, Scales]:
    """Half of the channels for one view, at random, and the others for another view, doubled; for a
    random ``share`` of the images, rounded down, and all channels for the others (Yang et al. 2025,
    complementary dropout).

    Maps that are equally wide drop the same channels, as those of a vision transformer do.
    """
    is_whole = (torch.rand(count).argsort() >= int(share * count))[:, None]
    masks = {width: 2.0 * torch.randint(2, (count, width)) for width in set(channels.values())}
    first = {index: masks[width].masked_fill(is_whole, 1) for index, width in channels.items()}
    return first, {index: 2 - mask for index, mask in first.items()}


def scaled(features: Sequence[Tensor], scales: Scales) -> list[Tensor]:
    """Feature maps, float (N, C, h, w) each, of which some are multiplied by their scales."""
    return [
        one * scales[index][..., None, None].to(one.dtype) if index in scales else one
        for index, one in enumerate(features)
    ]


def joined_scales(*scales: Scales) -> Scales:
    """Those of several batches, in their order."""
    return {index: torch.cat([one[index] for one in scales]) for index in scales[0]}
