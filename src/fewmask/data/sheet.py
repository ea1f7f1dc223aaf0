"""A picture of some rows of a store: each with its mask, an overlay, and what else is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fewmask import IGNORE
from fewmask.data.store import Store

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

PAPER, INK, PALE_INK = (255, 255, 255), (30, 30, 30), (120, 120, 120)
HATCH = ((238, 238, 238), (205, 205, 205))
GAP, MARGIN, LINE = 6, 24, 22  # pixels
TEXT = 15
ACROSS = 2  # rows of the store side by side


@dataclass(frozen=True)
class _Frame:
    """How large a tile is: small pictures are shown enlarged, large ones reduced."""

    height: int
    width: int

    @classmethod
    def of(cls, store: Store) -> _Frame:
        longest = max(store.height, store.width)
        scale = max(1, round(224 / longest)) if longest <= 256 else 256 / longest
        return cls(round(store.height * scale), round(store.width * scale))


def contact_sheet(path: Path, output: Path, count: int = 8, seed: int = 0) -> None:
    """Draw ``count`` random rows of the store at ``path`` as a PNG at ``output``.

    Hatched is what counts nowhere. Padding is left out.
    """
    with Store(path) as store:
        rows = np.random.default_rng(seed).permutation(len(store))[:count]
        sheet = _draw(store, np.sort(rows))
    output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(output, format="PNG")


def _draw(store: Store, rows: np.ndarray) -> Image.Image:
    from PIL import Image, ImageDraw

    frame = _Frame.of(store)
    titles, tiles = _tiles(store, rows, frame)
    group = len(titles) * (frame.width + GAP) - GAP
    across = min(ACROSS, len(rows))
    width = 2 * MARGIN + across * (group + MARGIN) - MARGIN
    bands = -(-len(rows) // across)
    top = MARGIN + 3 * LINE
    legend = _legend_places(store, width)
    bottom = top + bands * (frame.height + 2 * LINE)
    height = bottom + LINE * (1 + legend[-1][1]) + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    heading = f"{store.name}: {len(store):,} pictures, {store.labelled.sum():,} with masks"
    _write(draw, (MARGIN, MARGIN), heading, size=20)
    for place, row in enumerate(rows):
        band, column = divmod(place, across)
        x = MARGIN + column * (group + MARGIN)
        y = top + band * (frame.height + 2 * LINE)
        if band == 0:
            for i, title in enumerate(titles):
                _write(draw, (x + i * (frame.width + GAP), y - LINE), title, PALE_INK)
        for i, tile in enumerate(tiles[place]):
            sheet.paste(Image.fromarray(tile), (x + i * (frame.width + GAP), y))
        _write(draw, (x, y + frame.height + 4), _caption(store, row))
    _draw_legend(draw, store, legend, bottom)
    return sheet
