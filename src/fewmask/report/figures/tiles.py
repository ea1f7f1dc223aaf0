"""Images and masks as tiles of a page, and the legend of their classes."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.path import Path
from matplotlib.transforms import Bbox, BboxTransformTo

from fewmask import IGNORE
from fewmask.report.figures.example_images import (
    STRIPES,
    Example,
    Examples,
    colour_mask,
    scale_image,
)
from fewmask.report.figures.style import DPI, NOTE, RULE, Page, flow, text_width

TALLEST = 1.25
"""The largest ratio of height to width of a tile; a taller image is drawn narrower."""

# Inches.
SWATCH, LEGEND_LINE = 0.13, 0.22

OUTLINE = 0.5
"""The width of the line around a tile, in points."""


def whole(inches: float) -> float:
    """Inches rounded to whole pixels, so that tiles are drawn without being resampled."""
    return round(inches * DPI) / DPI


def tile_height(pixels: np.ndarray, width: float) -> float:
    """The height of the tiles of an image, (H, W, ...), in inches."""
    height, across = pixels.shape[:2]
    return whole(width * min(height / across, TALLEST))


class Tile(Artist):
    """An image on a page, uint8 (H, W, 3), of which no pixel is resampled.

    Axes with an image in them would take twenty times as long to make and to draw.
    """

    def __init__(self, image: np.ndarray, left: float, bottom: float) -> None:
        """``left`` and ``bottom`` are inches from the lower left corner of the page."""
        super().__init__()
        opaque = np.full((*image.shape[:2], 1), 255, np.uint8)
        self._pixels = np.concatenate([image, opaque], axis=2)[::-1]  # the lowest row first
        self._corner = left, bottom

    def get_window_extent(self, renderer: RendererBase | None = None) -> Bbox:
        """Its box, in pixels of the figure."""
        height, width = self._pixels.shape[:2]
        inches = Bbox.from_bounds(*self._corner, width / DPI, height / DPI)
        return Bbox(inches.get_points() * self.get_figure(root=True).dpi)

    def draw(self, renderer: RendererBase) -> None:
        """Draw it where its pixels are those of the page, and a thin line around it."""
        box, looks = self.get_window_extent(), renderer.new_gc()
        renderer.draw_image(looks, box.x0, box.y0, self._pixels)
        looks.set_foreground(RULE)
        looks.set_linewidth(OUTLINE)
        looks.set_joinstyle("miter")
        renderer.draw_path(looks, Path.unit_rectangle(), BboxTransformTo(box))
        looks.restore()


def draw_tile(
    page: Page,
    pixels: np.ndarray,
    palette: np.ndarray,
    left: float,
    top: float,
    box: tuple[float, float],
) -> None:
    """An image, or a mask in the colours of its classes, in the middle of its ``box``.

    ``pixels`` are uint8 (H, W, 3) or (H, W), ``box`` the width and the height in inches.
    """
    room, height = box
    width = whole(min(room, height * pixels.shape[1] / pixels.shape[0]))
    size = round(height * DPI), round(width * DPI)
    is_mask = pixels.ndim == 2
    shown = colour_mask(pixels, palette, *size) if is_mask else scale_image(pixels, *size)
    left += whole((room - width) / 2)
    page.figure.add_artist(Tile(shown, left, page.height - top - height))


@dataclass(frozen=True)
class ClassLegend:
    """The legend of the classes that occur in some images."""

    of: Examples
    shown: list[Example]
    width: float
    """Inches."""

    @cached_property
    def values(self) -> list[int]:
        """The mask values that occur, in order; none if tiles hold colours instead of masks."""
        masks = [mask for one in self.shown for mask in (one.truth, one.prediction)]
        return sorted({value for mask in masks for value in _values(mask)})

    @cached_property
    def _places(self) -> list[tuple[int, float]]:
        widths = [
            SWATCH + 0.06 + text_width(self._name(value), NOTE) + 0.2 for value in self.values
        ]
        return flow(widths, self.width)

    @property
    def height(self) -> float:
        """Inches."""
        return LEGEND_LINE * (self._places[-1][0] + 1 if self._places else 0)

    def draw(self, page: Page, left: float, top: float) -> None:
        """Draw the legend from its upper left corner on."""
        for value, (line, beside) in zip(self.values, self._places, strict=True):
            begin, above = left + beside, top + line * LEGEND_LINE
            page.rectangle(begin, above, SWATCH, SWATCH, **self._looks(value))
            middle = above + SWATCH / 2
            name = self._name(value)
            page.text(begin + SWATCH + 0.06, middle, name, size=NOTE, va="center_baseline")

    def _name(self, value: int) -> str:
        if value == IGNORE:
            return "not counted"
        return self.of.classes[value] if value < len(self.of.classes) else f"class {value}"

    def _looks(self, value: int) -> dict[str, object]:
        if value == IGNORE:
            light, dark = ((grey / 255,) * 3 for grey in STRIPES)
            return {"facecolor": light, "edgecolor": dark, "hatch": "//////"}
        palette = self.of.palette / 255
        return {"facecolor": palette[value] if value < len(palette) else "black"}


def _values(mask: np.ndarray) -> Iterable[int]:
    return map(int, np.unique(mask)) if mask.ndim == 2 else ()
