"""Predictions of all test images, until it is known which of them are shown."""

import zlib
from collections.abc import Iterable, Mapping

import numpy as np
from torch import Tensor

from fewmask.config.task import load

FASTEST = 1
"""The level of compression."""


class Kept:
    """Predictions in memory, compressed one by one, so that no image is predicted twice. Masks
    shrink to a fiftieth; depths and normals, hardly."""

    def __init__(self) -> None:
        self._packed: dict[str, list[bytes]] = {}
        self._as: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}

    def add(self, outputs: Mapping[str, Tensor]) -> None:
        """Keep what the network put out for a batch, by task, as `Task.stored` stores it."""
        for name, output in outputs.items():
            values = load(name).stored(output)
            self._as[name] = values.dtype, values.shape[1:]
            packed = self._packed.setdefault(name, [])
            packed += [zlib.compress(np.ascontiguousarray(one), FASTEST) for one in values]

    def predictions(self, name: str, places: Iterable[int]) -> np.ndarray:
        """Those of a task, (N, H, W, ...), of images by their places in the order of adding."""
        dtype, shape = self._as[name]
        unpacked = [zlib.decompress(self._packed[name][place]) for place in places]
        return np.stack([np.frombuffer(one, dtype).reshape(shape) for one in unpacked])
