"""A picture of some rows of a store: each with its mask, an overlay, and what else is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fewmask import IGNORE
from fewmask.data.store import Store

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TILE = 1.9
"""Inches that the longer side of a tile is wide or high."""
HATCH = ((240, 240, 240), (200, 200, 200))
"""Stripes where nothing is known: unlabelled, void, no depth."""
STRENGTH = 0.55
"""Of the mask's colours in the overlay."""
ACROSS = 2
"""Pictures beside one another."""


def contact_sheet(path: Path, output: Path, count: int = 8, seed: int = 0) -> None:
    """Draw ``count`` random rows of the store at ``path``, without padding, as a PNG at ``output``.

    Raises FewmaskError if the store is not whole.
    """
    from matplotlib.figure import Figure

    with Store(path) as store:
        rows = np.sort(np.random.default_rng(seed).permutation(len(store))[:count])
        tiles = [_tiles(store, row) for row in rows]
        across, per_row = min(ACROSS, len(rows)), len(tiles[0])
        down = -(-len(rows) // across)
        tile = TILE * np.array([store.width, store.height]) / max(store.width, store.height)
        size = tile * (across * per_row, down) + (0.2, 0.3 * down + 0.9)
        figure = Figure(figsize=tuple(size), dpi=130, layout="constrained")
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
        figure.suptitle(_title(store), x=0.01, ha="left", fontsize=11)
        axes = figure.subplots(down, across * per_row, squeeze=False)
        for one in axes.flat:
            one.axis("off")
        groups = axes.reshape(-1, per_row)
        for group, row, pictures in zip(groups, rows, tiles, strict=False):
            _show(group, pictures, _caption(store, row))
        for group in groups[:across]:
            _name_columns(group, list(tiles[0]))
        figure.legend(handles=_legend(store), loc="outside lower left", ncols=8, frameon=False)
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, format="png")


def _tiles(store: Store, row: int) -> dict[str, np.ndarray]:
    """The pictures that show a row, uint8 (h, w, 3) each, by their titles."""
    height, width = store.extents[row]

    def read(field: str) -> np.ndarray:
        return store.read(field, [row])[0, :height, :width]

    image, mask = read("image"), read("mask")
    tiles = {
        "picture": image,
        "mask": _coloured(mask, store.palette),
        "overlay": _overlay(image, mask, store.palette),
    }
    if "depth" in store.fields:
        tiles["depth"] = _depth(read("depth"))
    if "normal" in store.fields:
        tiles["normal"] = _normal(read("normal"))
    return tiles


def _hatched(known: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Colours, (h, w, 3), with stripes where nothing is known, as uint8."""
    row, column = np.indices(known.shape)
    period = max(4, max(known.shape) // 16)
    stripes = np.array(HATCH)[(row + column) // (period // 2) % 2]
    return np.where(known[..., None], colours, stripes).astype(np.uint8)


def _coloured(mask: np.ndarray, palette: np.ndarray) -> np.ndarray:
    known = mask != IGNORE
    return _hatched(known, palette[np.where(known, mask, 0)])


def _overlay(image: np.ndarray, mask: np.ndarray, palette: np.ndarray) -> np.ndarray:
    known = (mask != IGNORE)[..., None]
    colours = palette[np.where(mask == IGNORE, 0, mask)]
    mixed = (1 - STRENGTH) * image + STRENGTH * colours
    return np.where(known, mixed, image).round().astype(np.uint8)


def _depth(depth: np.ndarray) -> np.ndarray:
    """Near is bright; the range is the picture's own."""
    from matplotlib import colormaps

    known = depth > 0
    low, high = np.percentile(depth[known], [1, 99]) if known.any() else (0, 1)
    share = np.clip((depth - low) / max(high - low, 1e-6), 0, 1)
    return _hatched(known, 255 * colormaps["magma_r"](share)[..., :3])


def _normal(normal: np.ndarray) -> np.ndarray:
    """Red is right, green is up, blue is towards the camera."""
    known = normal.any(axis=-1)
    return _hatched(known, 255 * (normal * [1, -1, -1] + 1) / 2)


def _show(group: list[Axes], pictures: dict[str, np.ndarray], caption: str) -> None:
    for one, picture in zip(group, pictures.values(), strict=True):
        one.imshow(picture, interpolation="nearest" if max(picture.shape) < 128 else "antialiased")
    group[0].text(
        0, -0.03, caption, transform=group[0].transAxes, fontsize=8, color="0.35", va="top"
    )


def _name_columns(group: list[Axes], titles: list[str]) -> None:
    for one, title in zip(group, titles, strict=True):
        one.set_title(title, fontsize=9, color="0.35", loc="left", pad=3)


def _title(store: Store) -> str:
    masks = f"{store.labelled.sum():,} with masks"
    return f"{store.name}: {len(store):,} pictures, {masks}, {store.height} x {store.width}"


def _caption(store: Store, row: int) -> str:
    parts = [store.names[row], store.subsets[row]]
    if store.categories:
        category = store.read("category", [row])[0]
        parts.append(store.categories[category] if category >= 0 else "")
    if not store.labelled[row]:
        parts.append("unlabelled")
    return "  ·  ".join(part for part in parts if part)


def _legend(store: Store) -> list:
    from matplotlib.patches import Patch

    shares = store.class_pixels.sum(axis=0) / max(store.class_pixels.sum(), 1)
    handles = [
        Patch(facecolor=colour / 255, edgecolor="0.6", label=f"{name}  {100 * share:.1f} %")
        for name, colour, share in zip(store.classes, store.palette, shares, strict=True)
    ]
    blank = Patch(facecolor="0.94", edgecolor="0.7", hatch="////", label="counts nowhere")
    return [*handles, blank]
