"""Predictions of large images, from those of their tiles.

Tiles are predicted row by row. Where several tiles show a pixel, their outputs are averaged, with
the weights of `Tiling.weights`. What no later tile shows is handed on at once, as strips of the
full width of the image, so that memory holds one row of tiles and not the image.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from fewmask.data.batches import Batch, Images
from fewmask.data.preparation.tiling import Tiling
from fewmask.inference.trained import Trained
from fewmask.objectives.assessment import predictions

PIXELS_AT_ONCE = 2**20
"""The size of a batch of tiles, such as four of 512 x 512, and of a strip."""


@dataclass(frozen=True)
class Strip:
    """Some rows of an image, in full width, as a batch of one."""

    top: int
    """The first of them."""
    outputs: dict[str, Tensor]
    """The predictions by task, float32 (1, ..., h, W)."""
    truth: dict[str, Tensor] = field(default_factory=dict)
    """The truth of the tasks whose truth the tiles had, (1, ..., h, W)."""


def strips(
    trained: Trained, tiling: Tiling, batch_of: Callable[[list[int]], Batch]
) -> Iterator[Strip]:
    """The predictions of an image as strips, from top to bottom.

    ``batch_of`` returns the tiles at some places of ``tiling.offsets`` as a batch.
    """
    columns = len(tiling.lefts)
    size = max(1, PIXELS_AT_ONCE // (tiling.tile[0] * tiling.tile[1]))
    height = max(1, PIXELS_AT_ONCE // tiling.image[1])
    outputs, truth = _Canvas(tiling), _Canvas(tiling)
    for i, (top, bottom) in enumerate(pairwise([*tiling.tops, tiling.image[0]])):
        places = list(range(i * columns, (i + 1) * columns))
        batches = (batch_of(places[start : start + size]) for start in range(0, columns, size))
        column = 0
        for batch, predicted in predictions(trained.network, batches, trained.runtime.autocast):
            for k in range(len(batch.inside)):
                for name in trained.predicts:
                    outputs.blend(name, predicted[name][k].float(), i, column)
                for name, values in batch.truth.items():
                    truth.paste(name, values[k], column)
                column += 1
        for first in range(0, bottom - top, height):
            rows = slice(first, min(first + height, bottom - top))
            yield Strip(top + first, outputs.read(rows), truth.read(rows))
        outputs.move_up(bottom - top)
        truth.move_up(bottom - top)


def stored_strips(trained: Trained, images: Images, image: int) -> Iterator[Strip]:
    """The same of the image at a place among those of a store (see `StoredImages`)."""
    store = images.store
    rows = store.images.rows(image)
    height, width = store.sizes[rows[0]].tolist()
    tiling = Tiling.of((height, width), store.dataset_settings.tiles)
    return strips(trained, tiling, lambda places: images.batch(rows[places]))


class _Canvas:
    """The rows of an image that the present row of tiles shows, by name."""

    def __init__(self, tiling: Tiling) -> None:
        self._tiling = tiling
        self._maps: dict[str, Tensor] = {}

    def blend(self, name: str, values: Tensor, row: int, column: int) -> None:
        """Add what a tile predicts, (..., height, width), with its weights."""
        down, across = (torch.from_numpy(one).to(values.device) for one in self._tiling.weights)
        self._part(name, values, column).add_(values * down[row, :, None] * across[column])

    def paste(self, name: str, values: Tensor, column: int) -> None:
        """Write what a tile shows, (..., height, width), over what was there."""
        self._part(name, values, column).copy_(values)

    def read(self, rows: slice) -> dict[str, Tensor]:
        """Some rows, without what is beside the image, (1, ..., h, W)."""
        width = self._tiling.image[1]
        return {name: maps[..., rows, :width].clone()[None] for name, maps in self._maps.items()}

    def move_up(self, height: int) -> None:
        """Drop the uppermost rows, which no later tile shows."""
        for maps in self._maps.values():
            rest = maps.shape[-2] - height
            for row in range(0, rest, height):  # so that no copy is as large as what is moved
                last = min(row + height, rest)
                maps[..., row:last, :] = maps[..., row + height : last + height, :]
            maps[..., max(rest, 0) :, :] = 0

    def _part(self, name: str, values: Tensor, column: int) -> Tensor:
        """The part of a map that a tile shows."""
        height, width = self._tiling.tile
        if name not in self._maps:
            across = max(self._tiling.image[1], width)
            self._maps[name] = values.new_zeros(*values.shape[:-2], height, across)
        left = self._tiling.lefts[column]
        return self._maps[name][..., left : left + width]
