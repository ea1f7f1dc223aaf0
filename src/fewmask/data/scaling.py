"""From the values of images as they are stored to [0, 1], in which networks and people see them.

The values of colours in 8 bits are divided by 255. Those of other channels are scaled by the range
of their type, or channel by channel by the training images: never by validation or test images, and
without padding. What lies beyond [0, 1] is cut.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from fewmask.config.image_channels import ImageChannels
from fewmask.core.errors import FewmaskError
from fewmask.data.store.store import Store

PERCENTILES = (1, 99)

MEAN, DEVIATION = 0.449, 0.226
"""Of the colours of ImageNet in [0, 1], which most encoders have learnt (the means of the usual
constants). Channels that are scaled by their mean and standard deviation get these: 0 and 1 are
then 2.0 standard deviations below, and 2.4 above the mean."""

MOST_VALUES = 2**22
"""Of a channel, from which statistics are computed: of more pixels some are taken, evenly."""


class Scaling(BaseModel):
    """The values of every channel that become 0 and 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    low: tuple[float, ...]
    high: tuple[float, ...]

    @model_validator(mode="after")
    def _is_one_of_each_channel(self) -> Self:
        if len(self.low) != len(self.high):
            raise ValueError("low and high are of other numbers of channels")
        if any(low >= high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError("low must be less than high")
        return self

    @classmethod
    def between(cls, low: np.ndarray, high: np.ndarray) -> Self:
        """From the values of the channels, (C,) each; a constant channel becomes 0."""
        low, high = low.astype(np.float32), high.astype(np.float32)
        high = np.where(high > low, high, low + np.maximum(1, np.abs(low)))
        return cls(low=tuple(map(float, low)), high=tuple(map(float, high)))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Images, (..., C), in [0, 1]: float32."""
        low, high = np.float32(self.low), np.float32(self.high)
        return ((images.astype(np.float32) - low) / (high - low)).clip(0, 1)


def scaling_of(store: Store, rows: np.ndarray) -> Scaling | None:
    """How the images of a store are scaled, if those at ``rows``, int64 (n), are trained on; None:
    as colours in 8 bits."""
    settings = store.dataset_settings
    if settings.scales_by == "percentiles":
        return percentiles(store, rows)
    if settings.scales_by == "mean_std":
        values = _sample(store, rows).astype(np.float64)
        mean, deviation = values.mean(axis=0), values.std(axis=0) / DEVIATION
        return Scaling.between(mean - MEAN * deviation, mean + (1 - MEAN) * deviation)
    return None if settings.is_rgb else _whole_range(store)


def percentiles(store: Store, rows: np.ndarray) -> Scaling:
    """The `PERCENTILES` of every channel in some rows of a store."""
    return _by_percentiles(_sample(store, rows))


def shown_alone(image: np.ndarray, channels: ImageChannels) -> np.ndarray:
    """An image, (H, W, C), as people see it, by its own percentiles: uint8 (H, W, 3)."""
    if channels.is_rgb:
        return image
    scaling = _by_percentiles(image.reshape(-1, image.shape[2]))
    return as_colours(scaling(image), channels.shown_channels)


def shown_images(
    store: Store, rows: Sequence[int] | np.ndarray, scaling: Scaling | None = None
) -> np.ndarray:
    """Some images of a store as people see them, uint8 (n, H, W, 3).

    ``scaling`` is that of the network which sees them; absent: by the percentiles of these images.
    """
    images = store.read("image", rows)
    if store.dataset_settings.is_rgb:
        return images
    scaling = scaling or percentiles(store, np.asarray(rows))
    return as_colours(scaling(images), store.dataset_settings.shown_channels)


def as_colours(images: np.ndarray, shown: list[int]) -> np.ndarray:
    """Three channels of images in [0, 1], (..., C), as red, green and blue: uint8 (..., 3)."""
    return (255 * images[..., shown]).round().astype(np.uint8)


def _by_percentiles(values: np.ndarray) -> Scaling:
    return Scaling.between(*np.percentile(values, PERCENTILES, axis=0))


def _whole_range(store: Store) -> Scaling:
    channels, bits = store.dataset_settings.channel_count, {1: 8, 2: 16}
    size = store.image_bytes // channels
    if size not in bits:
        raise FewmaskError(
            f"{store.path}: normalisation is encoder, but images are floats, of no known range\n"
            f"  mend: normalisation: percentiles (or mean_std) in the dataset's YAML"
        )
    most = 2 ** bits[size] - 1
    return Scaling(low=(0.0,) * channels, high=(float(most),) * channels)


def _sample(store: Store, rows: np.ndarray) -> np.ndarray:
    """The values of pixels of some images, padding left out, (n, C)."""
    most = max(1, MOST_VALUES // len(rows))
    return np.concatenate([_pixels(store, row, most) for row in np.sort(rows)])


def _pixels(store: Store, row: int, most: int) -> np.ndarray:
    height, width = store.extents[row]
    pixels = store.read("image", [row])[0, :height, :width].reshape(height * width, -1)
    return pixels[np.linspace(0, len(pixels) - 1, min(most, len(pixels))).astype(np.int64)]
