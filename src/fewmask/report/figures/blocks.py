"""Pages of images: a block for every dataset, with a row for every image."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import numpy as np
from matplotlib.figure import Figure

from fewmask.report.figures.style import (
    BODY,
    FAINT,
    LEADING,
    MARGIN,
    NOTE,
    SMALL,
    Page,
    heading_height,
    shorten,
    text_width,
)
from fewmask.report.figures.tiles import draw_tile, whole

ROWS = 4
"""Of a single dataset; of several, one less each."""

# Inches, all of them whole pixels.
SIDE, GAP, GROUP_GAP, CAPTION, BLOCK_GAP = 0.2, 0.06, 0.2, 0.17, 0.2


class Block(Protocol):
    """One dataset; lengths are in inches."""

    @property
    def dataset(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def width(self) -> float:
        """Of a page for this block alone."""

    @property
    def height(self) -> float: ...


AnyBlock = TypeVar("AnyBlock", bound=Block)

Tile = tuple[float, np.ndarray, str]
"""The left edge of an image, its pixels or classes, and what is written below it."""


def page_of(
    title: str,
    how_to_read: str,
    blocks: Sequence[AnyBlock],
    draw: Callable[[Page, AnyBlock, float], None],
) -> Figure:
    """A page with a heading and, below it, blocks, which ``draw`` draws at their upper edges."""
    width = max(6.0, *(block.width for block in blocks))
    top = whole(heading_height(title, how_to_read, width) + 0.05)
    height = top + sum(block.height + BLOCK_GAP for block in blocks) - BLOCK_GAP + MARGIN
    page = Page(whole(width), whole(height))
    page.heading(title, how_to_read)
    for block in blocks:
        draw(page, block, top)
        top += block.height + BLOCK_GAP
    return page.figure


def draw_dataset(page: Page, block: Block, top: float) -> None:
    """Write the dataset and the seed in the first line of a block."""
    dataset = shorten(block.dataset, block.width - 2 * MARGIN - 0.8, BODY + 1, "bold")
    page.text(MARGIN, top, dataset, size=BODY + 1, weight="bold")
    used = text_width(dataset, BODY + 1, "bold") + 0.12
    page.text(MARGIN + used, top + 0.015, f"seed {block.seed}", size=NOTE, color=FAINT)


def draw_group(page: Page, name: str, left: float, width: float, top: float) -> None:
    """Write what columns of a block have in common, with a line over them; ``top`` is that of the
    block."""
    rule = top + (BODY + 1) * LEADING + 0.06 + BODY * LEADING
    name = shorten(name, width, BODY)
    page.text(left + width / 2, rule - 0.05, name, size=BODY, va="baseline", ha="center")
    page.rectangle(left, rule, width, 0.005, color=FAINT)


def draw_row(
    page: Page,
    name: str,
    tiles: Iterable[Tile],
    top: float,
    size: tuple[float, float],
    palette: np.ndarray,
) -> None:
    """Draw tiles of a width and height beside the name of their image."""
    width, height = size
    page.text(
        MARGIN + SIDE - 0.05, top + height / 2, shorten(name, height, SMALL), size=SMALL,
        color=FAINT, rotation=90, va="center", ha="right",
    )  # fmt: skip
    for left, pixels, caption in tiles:
        draw_tile(page, pixels, palette, left, top, size)
        page.text(left + width / 2, top + height + 0.02, caption, size=SMALL, ha="center")
