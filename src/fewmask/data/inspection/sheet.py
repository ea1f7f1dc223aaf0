"""A contact sheet of rows of a store: images with masks, overlays, and what else is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fewmask import IGNORE
from fewmask.config.task import tasks
from fewmask.core.files import written_whole
from fewmask.data.scaling import shown_images
from fewmask.data.store.store import Store

if TYPE_CHECKING:
    from matplotlib.artist import Artist

TILE = 1.9
"""The longer side of a tile, in inches."""
HATCH = ((240, 240, 240), (200, 200, 200))
"""The two greys of the stripes where nothing is known: unlabelled, void, no depth."""
STRENGTH = 0.55
"""The share of the colours of the mask in the overlay."""
ACROSS = 2
"""The number of rows of the store side by side."""
GAP = 0.03
"""The gap between the tiles of a row, as a share of the width of a tile."""


def contact_sheet(path: Path, output: Path, count: int = 8, seed: int = 0) -> None:
    """Draw ``count`` random rows of the store at ``path``, without padding, as a PNG at ``output``.

    Raises FewmaskError if the store is not whole.
    """
    with Store(path) as store:
        shown = [
            Shown(_caption(store, row), _tiles(store, row))
            for row in sample(np.arange(len(store)), count, seed)
        ]
        draw_sheet(output, _title(store), shown, (store.height, store.width), _legend(store))


@dataclass(frozen=True)
class Shown:
    """A row of the store on the sheet."""

    caption: str
    tiles: dict[str, np.ndarray]
    """Its tiles by their titles, uint8 (h, w, 3) each."""


def sample(rows: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """``count`` random rows, ascending; all of them if there are no more."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:count])


def draw_sheet(
    output: Path, title: str, shown: list[Shown], frame: tuple[int, int], legend: list[Artist]
) -> None:
    """Draw rows, with their tiles side by side, as a PNG at ``output``.

    ``frame``: the height and width of the largest tile.
    """
    from matplotlib.figure import Figure

    strips = [_strip(list(one.tiles.values()), *frame) for one in shown]
    across = min(ACROSS, len(shown))
    down = -(-len(shown) // across)
    inch = TILE / max(frame)
    height, width = (inch * length for length in strips[0].shape[:2])
    size = (across * (width + 0.2), down * (height + 0.3) + 0.9)
    figure = Figure(figsize=size, dpi=130, layout="constrained")
    titles = ", ".join(shown[0].tiles)
    figure.suptitle(f"{title}\n{titles}", x=0.01, ha="left", fontsize=10)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for one in axes:
        one.axis("off")
    for one, row, strip in zip(axes, shown, strips, strict=False):
        one.imshow(strip)
        one.set_title(row.caption, fontsize=8, color="0.35", loc="left", pad=3)
    place = {"loc": "outside lower left", "ncols": max(1, int(size[0] / 1.8)), "frameon": False}
    figure.legend(handles=legend, fontsize=9, **place)
    with written_whole(output) as temporary:
        figure.savefig(temporary, format="png")


def _strip(tiles: list[np.ndarray], height: int, width: int) -> np.ndarray:
    """Tiles side by side on white, each with room for the widest."""
    gap = max(1, round(GAP * width))
    strip = np.full((height, len(tiles) * (width + gap) - gap, 3), 255, np.uint8)
    left = 0
    for tile in tiles:
        strip[: tile.shape[0], left : left + tile.shape[1]] = tile
        left += tile.shape[1] + gap
    return strip


def _tiles(store: Store, row: int) -> dict[str, np.ndarray]:
    """The tiles of a row by their titles, uint8 (h, w, 3) each."""
    height, width = store.extents[row]

    def read(field: str) -> np.ndarray:
        return store.read(field, [row])[0, :height, :width]

    tiles = {"image": shown_images(store, [row])[0, :height, :width]}
    for task in tasks():
        if task.field in store.fields:
            truth = read(task.field)
            shown = task.colours(truth, truth)
            if shown.ndim == 2:
                tiles["overlay"] = overlaid(tiles["image"], shown, store.palette)
                shown = coloured(shown, store.palette)
            tiles[task.field] = shown
    return tiles


def hatched(known: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Colours, (h, w, 3), with stripes where nothing is known, as uint8."""
    row, column = np.indices(known.shape)
    period = max(4, max(known.shape) // 16)
    stripes = np.array(HATCH)[(row + column) // (period // 2) % 2]
    return np.where(known[..., None], colours, stripes).astype(np.uint8)


def coloured(mask: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """A mask in the colours of its classes, uint8 (h, w, 3); striped where it is ignored."""
    known = mask != IGNORE
    return hatched(known, palette[np.where(known, mask, 0)])


def overlaid(image: np.ndarray, mask: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """An image, uint8 (h, w, 3), with the colours of its mask; as it is where that is ignored."""
    known = (mask != IGNORE)[..., None]
    colours = palette[np.where(mask == IGNORE, 0, mask)]
    mixed = (1 - STRENGTH) * image + STRENGTH * colours
    return np.where(known, mixed, image).round().astype(np.uint8)


def _title(store: Store) -> str:
    return f"{store.dataset}: {store.summary}, {store.height} x {store.width}"


def _caption(store: Store, row: int) -> str:
    parts = [store.names[row], store.subsets[row]]
    if store.categories:
        category = store.read("category", [row])[0]
        parts.append(store.categories[category] if category >= 0 else "")
    if store.classes and not store.labelled[row]:
        parts.append("unlabelled")
    return "  ·  ".join(part for part in parts if part)


def _legend(store: Store) -> list[Artist]:
    pixels = store.class_pixels.sum(axis=0)
    all_count = pixels.sum() == store.extents.prod(axis=1, dtype=np.int64).sum()
    return class_legend(store, pixels, not all_count)


def class_legend(store: Store, pixels: np.ndarray, has_ignored: bool) -> list[Artist]:
    """The classes with their shares of ``pixels``, int (K,), and the meaning of the stripes."""
    from matplotlib.patches import Patch

    shares = pixels / max(pixels.sum(), 1)
    handles = [
        Patch(facecolor=colour / 255, edgecolor="0.6", label=f"{name}  {100 * share:.1f} %")
        for name, colour, share in zip(store.classes, store.palette, shares, strict=True)
    ]
    if store.classes and has_ignored:
        stripes = {"facecolor": "0.94", "edgecolor": "0.7", "hatch": "////"}
        handles.append(Patch(**stripes, label="ignored"))
    return handles
