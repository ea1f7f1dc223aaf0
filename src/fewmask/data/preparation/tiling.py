"""Tiles: where they lie in an image, and how much each of them says about a pixel.

Tiles lie in rows and columns, and neighbours overlap. The last row and the last column are moved
inwards, so that all tiles have the same size and none exceeds the image; an image that is smaller
than a tile has one tile, which is padded.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fewmask.config.tiles import Tiles

Pair = tuple[int, int]


@dataclass(frozen=True)
class Tiling:
    """The tiles of an image, row by row; all pairs are height and width, or top and left."""

    image: Pair
    tile: Pair
    overlap: int

    @classmethod
    def of(cls, image: Pair, settings: Tiles) -> "Tiling":
        """The tiles of an image of a dataset."""
        return cls(image, settings.height_width, settings.overlap)

    @cached_property
    def tops(self) -> list[int]:
        """Where the rows of tiles begin."""
        return _starts(self.image[0], self.tile[0], self.overlap)

    @cached_property
    def lefts(self) -> list[int]:
        """Where the columns of tiles begin."""
        return _starts(self.image[1], self.tile[1], self.overlap)

    @cached_property
    def offsets(self) -> list[Pair]:
        """Where all tiles begin, row by row."""
        return [(top, left) for top in self.tops for left in self.lefts]

    def window(self, offset: Pair) -> tuple[slice, slice]:
        """The part of the image that the tile at ``offset`` shows."""
        (top, left), (height, width) = offset, self.tile
        return slice(top, top + height), slice(left, left + width)

    def own_part(self, offset: Pair) -> tuple[slice, slice]:
        """The part of the tile at ``offset``, within it, that is its own: the own parts of all
        tiles cover every pixel once. Where tiles overlap, they meet in the middle."""
        return (
            _own(self.tops, offset[0], self.tile[0]),
            _own(self.lefts, offset[1], self.tile[1]),
        )

    @cached_property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """The weights of the rows and of the columns of tiles, float32 (tiles, length of a tile).

        The weight of a tile at a pixel is the product of both. It falls linearly towards the edges
        of the tile, over the length of the overlap, and the weights of all tiles add up to 1 at
        every pixel.
        """
        starts = self.tops, self.lefts
        down, across = (
            _weights(*one, self.overlap) for one in zip(starts, self.image, self.tile, strict=True)
        )
        return down, across


def _starts(image: int, tile: int, overlap: int) -> list[int]:
    last = max(image - tile, 0)
    step = tile - overlap
    return [min(i * step, last) for i in range(-(-last // step) + 1)]


def _own(starts: list[int], start: int, tile: int) -> slice:
    place = starts.index(start)
    before, after = starts[:place][-1:], starts[place + 1 :][:1]
    first = [(start + one + tile) // 2 - start for one in before]
    last = [(start + one + tile) // 2 - start for one in after]
    return slice(*(first or [0]), *(last or [tile]))


def _weights(starts: list[int], image: int, tile: int, overlap: int) -> np.ndarray:
    from_start = np.arange(1, tile + 1)
    ramp = np.minimum(np.minimum(from_start, from_start[::-1]), overlap + 1).astype(np.float64)
    summed = np.zeros(max(image, tile))
    for start in starts:
        summed[start : start + tile] += ramp
    return np.stack([ramp / summed[start : start + tile] for start in starts]).astype(np.float32)
