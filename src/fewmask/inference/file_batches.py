"""Image files as batches, brought to the size of a network as in its training."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch

from fewmask.data.batches import Batch, as_batch
from fewmask.data.preparation.decode import OpenImage
from fewmask.data.preparation.fit import Fit, fit_image, place
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.tiling import Tiling

Source, Read = TypeVar("Source"), TypeVar("Read")
Say = Callable[[str], None]


def readable(sources: Iterable[Source], read: Callable[[Source], Read], say: Say) -> Iterator[Read]:
    """What ``read`` makes of the readable ones of ``sources``; others are named in messages."""
    for one in sources:
        try:
            yield read(one)
        except ImageError as error:
            say(f"left out: {error}")


def fitted(
    images: list[np.ndarray], frame: tuple[int, int], fit: Fit, device: torch.device
) -> Batch:
    """A batch of images, uint8 (H, W, 3) of any size each, fitted as in the training."""
    places = [place(image.shape[:2], frame, fit) for image in images]
    pixels = [fit_image(image, where) for image, where in zip(images, places, strict=True)]
    return as_batch(np.stack(pixels), np.array([where.extent for where in places]), device)


def tiles_of(
    image: OpenImage, tiling: Tiling, device: torch.device
) -> Callable[[list[int]], Batch]:
    """A function that returns the tiles at some places of ``tiling.offsets`` as a batch."""

    def batch_of(places: list[int]) -> Batch:
        parts = [image.read(*tiling.window(tiling.offsets[place])) for place in places]
        return fitted(parts, tiling.tile, "keep", device)

    return batch_of
