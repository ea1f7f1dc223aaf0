"""Image files as batches, brought to the size and the values of a network as in its training."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from fewmask.config.image_channels import RGB
from fewmask.data.batches import Batch, as_batch
from fewmask.data.preparation.as_stored import ImageInMemory, OpenImage
from fewmask.data.preparation.decode import open_image
from fewmask.data.preparation.fit import Fit, fit_image, place
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.tiff import has_windows_of_colours
from fewmask.data.preparation.tiling import Tiling
from fewmask.data.scaling import as_colours
from fewmask.inference.trained import Trained

Source, Read = TypeVar("Source"), TypeVar("Read")
Say = Callable[[str], None]


def readable(sources: Iterable[Source], read: Callable[[Source], Read], say: Say) -> Iterator[Read]:
    """What ``read`` makes of the readable ones of ``sources``; others are named in messages."""
    for one in sources:
        try:
            yield read(one)
        except ImageError as error:
            say(f"left out: {error}")


def opened(trained: Trained, file: Path) -> OpenImage:
    """An image with the channels of those that a network was trained on. Raises ImageError."""
    channels = trained.description.trained_on.stored_channels
    if channels is None and has_windows_of_colours(file):
        channels = len(RGB)  # which memory need not hold as a whole
    return open_image(file, channels=channels)


def read_whole(trained: Trained, file: Path) -> OpenImage:
    """The same in memory. Raises ImageError."""
    return ImageInMemory(opened(trained, file).read())


def shown(trained: Trained, image: OpenImage, rows: slice) -> np.ndarray:
    """Some rows of such an image as people see them, uint8 (h, W, 3)."""
    pixels, dataset = image.read(rows), trained.description.trained_on
    if dataset.is_rgb:
        return pixels
    return as_colours(trained.scaling(pixels), dataset.shown_channels)


def fitted(trained: Trained, images: list[np.ndarray], frame: tuple[int, int], fit: Fit) -> Batch:
    """A batch of images, (H, W, C) of any size each, fitted as in the training."""
    places = [place(image.shape[:2], frame, fit) for image in images]
    pixels = [fit_image(image, where) for image, where in zip(images, places, strict=True)]
    extents = np.array([where.extent for where in places])
    return as_batch(np.stack(pixels), extents, trained.runtime.device, trained.scaling)


def tiles_of(trained: Trained, image: OpenImage, tiling: Tiling) -> Callable[[list[int]], Batch]:
    """A function that returns the tiles at some places of ``tiling.offsets`` as a batch."""

    def batch_of(places: list[int]) -> Batch:
        parts = [image.read(*tiling.window(tiling.offsets[place])) for place in places]
        return fitted(trained, parts, tiling.tile, "keep")

    return batch_of
