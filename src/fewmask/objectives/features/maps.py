"""Feature maps of an encoder, of which some are changed."""

from collections.abc import Sequence

from torch import Tensor

Maps = Sequence[Tensor]
"""Feature maps of the same images, float (N, C, h, w) each."""


def replaced(features: Maps, changed: Sequence[int], maps: Maps) -> list[Tensor]:
    """All feature maps, with ``maps`` in the places that are ``changed``; as precise as these."""
    found = dict(enumerate(features)) | dict(zip(changed, maps, strict=True))
    return [one.to(maps[0].dtype) for one in found.values()]
