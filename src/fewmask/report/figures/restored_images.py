"""The figure of restored images: what the stages that restore images make of perturbed ones."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fewmask.core.cells import Run
from fewmask.core.paths import Layout
from fewmask.planning.requested import Requested
from fewmask.report.figures.blocks import (
    CAPTION,
    GAP,
    GROUP_GAP,
    ROWS,
    SIDE,
    draw_dataset,
    draw_group,
    draw_row,
    page_of,
)
from fewmask.report.figures.example_images import RestoredImage, read_restored
from fewmask.report.figures.style import BODY, LEADING, MARGIN, STYLED, Page
from fewmask.report.figures.tiles import tile_height, whole
from fewmask.report.results.runs import run_file
from fewmask.report.tables.statistics import CELL

TILE = 1.5
"""Inches, whole pixels."""
HEADER = whole((BODY + 1) * LEADING + 2 * BODY * LEADING + 0.22)

NO_CLASSES = np.zeros((0, 3), np.uint8)

HOW_TO_READ = (
    "The same test images as in the figure of predictions, not picked by result; no training has "
    "seen them. Perturbed as in the validation of the stage. Below an image: its mean squared "
    "difference from the original, whose values are between 0 and 1."
)


@dataclass(frozen=True)
class Block:
    """One dataset: a row an image; the original, and two columns for every stage."""

    dataset: str
    seed: int
    names: list[str]
    stages: dict[str, dict[str, RestoredImage]]
    """By stage, as METHOD/STAGE, the images by name."""

    @property
    def originals(self) -> dict[str, np.ndarray]:
        """The images that are shown, by name."""
        images = next(iter(self.stages.values()))
        return {name: images[name].image for name in self.names}

    @property
    def lefts(self) -> list[float]:
        """The left edge of the original and of the perturbed image of every stage, in inches."""
        pair = 2 * TILE + GAP + GROUP_GAP
        first = MARGIN + SIDE
        after = first + TILE + GROUP_GAP
        return [first, *(whole(after + i * pair) for i in range(len(self.stages)))]

    @property
    def width(self) -> float:
        """The width of a page for this block alone."""
        return self.lefts[-1] + 2 * TILE + GAP + MARGIN

    @property
    def height(self) -> float:
        """The height of the block."""
        return HEADER + sum(tile_height(one, TILE) + CAPTION for one in self.originals.values())


def with_restoring_stage(requested: Requested, runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that have restored images, with a column ``restored_by``: the stage, as
    METHOD/STAGE."""
    stages = dict(zip(requested.cells(), requested.restored_by, strict=False))
    cells = runs[CELL].itertuples(index=False, name=None)
    runs = runs.assign(restored_by=[stages.get(cell) for cell in cells])
    return runs[runs["restored_by"].notna()]


@STYLED
def restored_images(requested: Requested, runs: pd.DataFrame) -> Figure:
    """Draw, for every dataset, some test images with what each stage restores: of the first seed
    with a run, at the largest number of masks.

    Raises:
        FewmaskError: an examples file is missing or damaged.
    """
    runs = with_restoring_stage(requested, runs)
    present = [name for name in requested.datasets if (runs["dataset"] == name).any()]
    rows = ROWS if len(present) == 1 else ROWS - 1
    blocks = [_block(requested, runs[runs["dataset"] == name], rows) for name in present]
    return page_of(requested.title, HOW_TO_READ, blocks, _draw)


def _block(requested: Requested, runs: pd.DataFrame, rows: int) -> Block:
    """What to show of the runs of one dataset, in at most so many rows."""
    seed = next(seed for seed in requested.seeds if (runs["seed"] == seed).any())
    runs = runs[runs["seed"] == seed].sort_values("masks", ascending=False, kind="stable")
    # Methods that share a stage have the same images.
    stages = {
        requested.title_of(row.restored_by): read_restored(
            run_file(
                Layout(requested.results).examples,
                Run(row.dataset, row.method, row.fraction, seed),
            )
        )
        for row in runs.drop_duplicates("restored_by").itertuples()
    }
    first, *others = stages.values()
    names = [name for name in first if all(name in images for images in others)]
    return Block(runs["dataset"].iloc[0], seed, names[:rows], stages)


def _draw(page: Page, block: Block, top: float) -> None:
    _draw_header(page, block, top)
    _draw_tiles(page, block, top + HEADER)


def _draw_header(page: Page, block: Block, top: float) -> None:
    """The dataset; the stages, each with a line over its columns; the titles of the columns."""
    draw_dataset(page, block, top)
    first, *lefts = block.lefts
    titles = [(first, "original")]
    for stage, left in zip(block.stages, lefts, strict=True):
        titles += [(left, "perturbed"), (left + TILE + GAP, "restored")]
        draw_group(page, stage, left, 2 * TILE + GAP, top)
    for left, title in titles:
        foot = top + HEADER - 0.07
        page.text(left + TILE / 2, foot, title, size=BODY, va="baseline", ha="center")


def _draw_tiles(page: Page, block: Block, top: float) -> None:
    first, *lefts = block.lefts
    for name, original in block.originals.items():
        height = tile_height(original, TILE)
        tiles = [(first, original, "")]
        for left, images in zip(lefts, block.stages.values(), strict=True):
            one = images[name]
            tiles.append((left, one.perturbed, f"{one.perturbed_error:.4f}"))
            tiles.append((whole(left + TILE + GAP), one.restored, f"{one.restored_error:.4f}"))
        draw_row(page, name, tiles, top, (TILE, height), NO_CLASSES)
        top += height + CAPTION
