"""The figure of restored images: what the stages that restore images make of perturbed ones."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fewmask.core.cells import Run
from fewmask.core.paths import Layout
from fewmask.planning.requested import Requested
from fewmask.report.figures.example_images import RestoredImage, read_restored
from fewmask.report.figures.examples import ROWS
from fewmask.report.figures.style import (
    BODY,
    FAINT,
    LEADING,
    MARGIN,
    NOTE,
    SMALL,
    STYLED,
    Page,
    heading_height,
    shorten,
    text_width,
)
from fewmask.report.figures.tiles import draw_tile, tile_height, whole
from fewmask.report.results.runs import run_file
from fewmask.report.tables.statistics import CELL

# Inches, all of them whole pixels.
TILE, SIDE, GAP, GROUP_GAP, CAPTION, BLOCK_GAP = 1.5, 0.2, 0.06, 0.2, 0.17, 0.2
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
        return [first, *(after + i * pair for i in range(len(self.stages)))]

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

    width = max(6.0, *(block.width for block in blocks))
    top = whole(heading_height(requested.title, HOW_TO_READ, width) + 0.05)
    height = top + sum(block.height + BLOCK_GAP for block in blocks) - BLOCK_GAP + MARGIN
    page = Page(whole(width), whole(height))
    page.heading(requested.title, HOW_TO_READ)
    for block in blocks:
        _draw_header(page, block, top)
        _draw_tiles(page, block, top + HEADER)
        top += block.height + BLOCK_GAP
    return page.figure


def _block(requested: Requested, runs: pd.DataFrame, rows: int) -> Block:
    """What to show of the runs of one dataset, in at most so many rows."""
    seed = next(seed for seed in requested.seeds if (runs["seed"] == seed).any())
    runs = runs[runs["seed"] == seed].sort_values("masks", ascending=False, kind="stable")
    # Methods that share a stage have the same images.
    stages = {
        row.restored_by: read_restored(
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


def _draw_header(page: Page, block: Block, top: float) -> None:
    """The dataset; the stages, each with a line over its columns; the titles of the columns."""
    dataset = shorten(block.dataset, block.width - 2 * MARGIN - 0.8, BODY + 1, "bold")
    page.text(MARGIN, top, dataset, size=BODY + 1, weight="bold")
    used = text_width(dataset, BODY + 1, "bold") + 0.12
    page.text(MARGIN + used, top + 0.015, f"seed {block.seed}", size=NOTE, color=FAINT)
    foot = top + HEADER - 0.07
    rule = top + (BODY + 1) * LEADING + 0.06 + BODY * LEADING
    first, *lefts = block.lefts
    titles = [(first, "original")]
    for stage, left in zip(block.stages, lefts, strict=True):
        titles += [(left, "perturbed"), (left + TILE + GAP, "restored")]
        width = 2 * TILE + GAP
        name = shorten(stage, width, BODY)
        page.text(left + width / 2, rule - 0.05, name, size=BODY, va="baseline", ha="center")
        page.rectangle(left, rule, width, 0.005, color=FAINT)
    for left, title in titles:
        page.text(left + TILE / 2, foot, title, size=BODY, va="baseline", ha="center")


def _draw_tiles(page: Page, block: Block, top: float) -> None:
    first, *lefts = block.lefts
    for name, original in block.originals.items():
        height = tile_height(original, TILE)
        page.text(
            MARGIN + SIDE - 0.05, top + height / 2, shorten(name, height, SMALL), size=SMALL,
            color=FAINT, rotation=90, va="center", ha="right",
        )  # fmt: skip
        tiles = [(first, original, "")]
        for left, images in zip(lefts, block.stages.values(), strict=True):
            one = images[name]
            tiles.append((left, one.perturbed, f"{one.perturbed_error:.4f}"))
            tiles.append((left + TILE + GAP, one.restored, f"{one.restored_error:.4f}"))
        for left, pixels, caption in tiles:
            draw_tile(page, pixels, NO_CLASSES, whole(left), top, (TILE, height))
            page.text(left + TILE / 2, top + height + 0.02, caption, size=SMALL, ha="center")
        top += height + CAPTION
