"""The images of a store: one row each, or, where they were cut into tiles, several."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np


def tile_name(image: str, offset: tuple[int, int]) -> str:
    """What the row of a tile is called: its image, and the place of its upper left corner."""
    return f"{image}@{offset[0]}-{offset[1]}"


def image_of_tile(name: str) -> str:
    """The image that a tile of this name was cut from."""
    return name.rpartition("@")[0]


class StoredImages:
    """Which rows of a store belong to which image; those of an image are neighbours.

    There are M images, in the order of their rows.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        """``sources``: for every row the name of its image."""
        starts = [i for i, name in enumerate(sources) if not i or name != sources[i - 1]]
        self.names = [sources[row] for row in starts]
        self.first_rows = np.array(starts, np.int64)
        """Of every image, int64 (M,)."""
        self._rows = len(sources)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def of_rows(self) -> np.ndarray:
        """The image of every row, as its place among the images, int64 (N,)."""
        lengths = np.diff(self.first_rows, append=self._rows)
        return np.repeat(np.arange(len(self)), lengths)

    def among(self, rows: np.ndarray) -> np.ndarray:
        """The places of the images that some rows belong to, int64, ascending."""
        return np.unique(self.of_rows[rows])

    def rows(self, image: int) -> np.ndarray:
        """The rows of an image, int64."""
        return np.flatnonzero(self.of_rows == image)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """What the rows of every image add up to, int64: (N, ...) -> (M, ...)."""
        return np.add.reduceat(values.astype(np.int64), self.first_rows, axis=0)
