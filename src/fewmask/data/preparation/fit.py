"""From the size of an image to that of the network, and back.

An image is scaled to h' x w' and placed in a frame of H x W:

- ``pad``: h' x w' is the largest that fits into the frame; the image lies at the top left, and
  its edge pixels are repeated to the right and below (Li). Padding is ignored everywhere.
- ``keep``: the same, but an image that fits into the frame keeps its size.
- ``crop``: h' x w' is the smallest that covers the frame; the centre is kept.
- ``stretch``: h' x w' is the frame; proportions change.

Images are scaled with antialiasing; everything that must not be mixed (classes, depths, normals)
takes the value of the nearest pixel: pixel i of n is pixel floor((i + 1/2) m / n) of m.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fewmask import IGNORE

Fit = Literal["pad", "keep", "crop", "stretch"]


@dataclass(frozen=True)
class Placement:
    """Where a scaled image lies in its frame; all pairs are height and width in pixels."""

    size: tuple[int, int]  # of the original image
    scaled: tuple[int, int]  # of the scaled image
    frame: tuple[int, int]  # of the result
    offset: tuple[int, int]  # how much of the scaled image lies above and left of the frame

    @property
    def extent(self) -> tuple[int, int]:
        """The part of the frame, from the top left, that is image."""
        return min(self.scaled[0], self.frame[0]), min(self.scaled[1], self.frame[1])


def place(size: tuple[int, int], frame: tuple[int, int], fit: Fit) -> Placement:
    """The placement of an image of ``size`` in ``frame``; both are height and width."""
    if fit == "stretch":
        return Placement(size, frame, frame, (0, 0))
    if fit == "keep" and size[0] <= frame[0] and size[1] <= frame[1]:
        return Placement(size, size, frame, (0, 0))
    ratios = [inside / outside for inside, outside in zip(frame, size, strict=True)]
    # Rounding must neither exceed the frame, nor leave a part of it empty, nor lose a thin image.
    if fit in ("pad", "keep"):
        scaled = [min(max(1, round(n * min(ratios))), m) for n, m in zip(size, frame, strict=True)]
    else:
        scaled = [max(round(n * max(ratios)), m) for n, m in zip(size, frame, strict=True)]
    top, left = (max(n - m, 0) // 2 for n, m in zip(scaled, frame, strict=True))
    return Placement(size, tuple(scaled), frame, (top, left))


def fit_image(image: np.ndarray, placement: Placement) -> np.ndarray:
    """An image, (H, W, C), in its frame: bilinear, antialiased, edges repeated."""
    if image.shape[:2] != placement.scaled:
        image = _smooth(image, placement.scaled)
    height, width = placement.extent
    result = np.empty((*placement.frame, *image.shape[2:]), image.dtype)
    result[:height, :width] = _window(image, placement)
    result[:height, width:] = result[:height, width - 1 : width]
    result[height:] = result[height - 1]
    return result


def fit_values(values: np.ndarray, placement: Placement, fill: float = IGNORE) -> np.ndarray:
    """Classes, depths or normals, (H, W) or (H, W, C) of any type, in their frame: nearest pixel.

    Padding is ``fill``.
    """
    scaled = _nearest(values, placement.scaled)
    result = np.full((*placement.frame, *values.shape[2:]), fill, values.dtype)
    height, width = placement.extent
    result[:height, :width] = _window(scaled, placement)
    return result


def unfit(values: np.ndarray, size: tuple[int, int], fit: Fit, fill: float = IGNORE) -> np.ndarray:
    """A prediction in a frame, brought back to the size of the original image: nearest pixel.

    Args:
        values: (H, W) or (H, W, C), of any type.
        size: height and width of the original image.
        fit: how the image was fitted into the frame.
        fill: the value of pixels that a crop left out.

    Returns:
        array of height and width ``size`` and of the type of ``values``.
    """
    placement = place(size, values.shape[:2], fit)
    height, width = placement.extent
    (top, left), scaled = placement.offset, placement.scaled
    whole = np.full((*scaled, *values.shape[2:]), fill, values.dtype)
    whole[top : top + height, left : left + width] = values[:height, :width]
    return _nearest(whole, size)


def _window(scaled: np.ndarray, placement: Placement) -> np.ndarray:
    """The part of the scaled image that the frame shows."""
    (top, left), (height, width) = placement.offset, placement.extent
    return scaled[top : top + height, left : left + width]


def _smooth(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image of another size, of the same type."""
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return _resized(image, size)
    channels = np.moveaxis(image, 2, 0).astype(np.float32)
    scaled = np.stack([_resized(one, size) for one in channels], axis=2)
    if image.dtype.kind == "u":
        scaled = scaled.round().clip(0, np.iinfo(image.dtype).max)
    return scaled.astype(image.dtype)


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Red, green and blue in 8 bits, (H, W, 3), or floats, (H, W)."""
    from PIL import Image

    height, width = size
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def _nearest(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    for axis, (new, old) in enumerate(zip(size, values.shape[:2], strict=True)):
        if new != old:
            values = values.take((2 * np.arange(new) + 1) * old // (2 * new), axis)
    return values
