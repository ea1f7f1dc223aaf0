"""The examples figure: the same test images as every run sees them."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from fewmask.config.task import load
from fewmask.core.cells import Run
from fewmask.core.errors import FewmaskError
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
from fewmask.report.figures.example_images import Examples, read_choices
from fewmask.report.figures.style import BODY, LEADING, MARGIN, STYLED, Page, wrap
from fewmask.report.figures.tiles import ClassLegend, tile_height, whole
from fewmask.report.results.runs import run_file
from fewmask.report.tables.columns import title

WIDTH, SMALLEST, LARGEST = 12.5, 1.0, 1.8
"""Inches: the tiles fill a page of this width, but are neither smaller nor larger than this."""

HOW_TO_READ = (
    "The same test images for all runs, not picked by result. {legend} "
    "Below a prediction: {metric} of this image. "
    "Models are selected on the validation set, never on the test set."
)


@dataclass(frozen=True)
class Column:
    """The predictions of one run."""

    group: str
    """What is written over the columns of one fraction."""
    method: str
    examples: Examples


@dataclass(frozen=True)
class Block:
    """One dataset: a row an image; the image, the truth, and a column a run."""

    dataset: str
    seed: int
    names: list[str]
    columns: list[Column]
    tile: float = LARGEST

    @property
    def lefts(self) -> list[float]:
        """The left edges of the image, the truth and the predictions, in inches."""
        lefts = [MARGIN + SIDE, MARGIN + SIDE + self.tile + GAP]
        before = ""
        for column in self.columns:
            lefts.append(lefts[-1] + self.tile + (GAP if column.group == before else GROUP_GAP))
            before = column.group
        return lefts

    @property
    def width(self) -> float:
        """The width of a page for this block alone."""
        return self.lefts[-1] + self.tile + MARGIN

    @property
    def methods(self) -> list[str]:
        """The names of the columns, broken into lines."""
        return ["\n".join(wrap(one.method, self.tile, BODY)) for one in self.columns]

    @property
    def header(self) -> float:
        """The height above the first row: the dataset, the fractions, the methods."""
        lines = 1 + max(name.count("\n") + 1 for name in self.methods)
        return whole((BODY + 1) * LEADING + lines * BODY * LEADING + 0.22)

    def row(self, name: str) -> float:
        """The height of the tiles of an image."""
        return tile_height(self.columns[0].examples.images[name].image, self.tile)

    @cached_property
    def legend(self) -> ClassLegend:
        """The classes that are to be seen."""
        shown = [column.examples.images[name] for column in self.columns for name in self.names]
        width = self.width - self.lefts[0] - MARGIN
        return ClassLegend(self.columns[0].examples, shown, width)

    @property
    def height(self) -> float:
        """The height of the block with its legend."""
        rows = sum(self.row(name) + CAPTION for name in self.names)
        return self.header + rows + 0.08 + self.legend.height


@STYLED
def examples(requested: Requested, runs: pd.DataFrame, task: str, note: str = "") -> Figure:
    """Draw, for every dataset, some test images, with the truth and the predictions of a task that
    all ``runs`` learn.

    Shown are all methods at the fractions of `by_shown_fraction`, for the first seed with a run.
    ``note`` is added to what the figure says of itself.

    Raises:
        FewmaskError: an examples file is missing or damaged, or runs share no image.
    """
    present = [name for name in requested.datasets if (runs["dataset"] == name).any()]
    rows = ROWS if len(present) == 1 else ROWS - 1
    blocks = [_block(requested, runs[runs["dataset"] == name], rows, task) for name in present]
    tile = min(_tile(block) for block in blocks)
    blocks = [replace(block, tile=tile) for block in blocks]

    how_to_read = HOW_TO_READ.format(legend=load(task).legend, metric=title(load(task).judged_by))
    return page_of(requested.title, how_to_read + note, blocks, _draw)


def _block(requested: Requested, runs: pd.DataFrame, rows: int, task: str) -> Block:
    """What to show of the runs of one dataset, in at most so many rows."""
    seed = next(seed for seed in requested.seeds if (runs["seed"] == seed).any())
    runs = runs[runs["seed"] == seed].sort_values("masks", kind="stable")
    columns = []
    for fraction, of_fraction in by_shown_fraction(requested, runs).items():
        for row in of_fraction.itertuples():
            group = masks_title(requested, runs, row)
            run = Run(row.dataset, row.method, fraction, seed)
            path = run_file(Layout(requested.results).examples, run)
            name = requested.title_of(row.method)
            columns.append(Column(group, name, read_choices(path, ["fixed"], task)["fixed"]))
    names = [
        name
        for name in columns[0].examples.images
        if all(name in column.examples.images for column in columns)
    ]
    if not names:
        raise FewmaskError(
            f"{path}: no fixed image that the other runs of {row.dataset} with seed {seed} have\n"
            f"  delete their examples and run the workflow again, which evaluates them anew"
        )
    return Block(row.dataset, seed, names[:rows], columns)


def by_shown_fraction(requested: Requested, runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Of runs sorted by masks, those of each fraction of which figures show images: of
    the smallest and the largest one, unless the experiment names others of which there are runs."""
    named = [name for name in requested.example_fractions if (runs["fraction"] == name).any()]
    shown = named or dict.fromkeys(runs["fraction"].iloc[[0, -1]])
    return {fraction: runs[runs["fraction"] == fraction] for fraction in shown}


def masks_title(requested: Requested, runs: pd.DataFrame, row: NamedTuple) -> str:
    """What tells a run's fraction: how many masks it has, or its name where that is the same, or
    where runs of a fraction differ in it, as with a search."""
    counts = runs.drop_duplicates("fraction")["masks"]
    is_told = counts.is_unique and not requested.searches
    return f"{row.masks} masks" if is_told else row.fraction


def _tile(block: Block) -> float:
    columns = len(block.columns) + 2
    fitting = (WIDTH - 2 * MARGIN - SIDE - 2 * GROUP_GAP) / columns - GAP
    return whole(min(max(fitting, SMALLEST), LARGEST))


def _draw(page: Page, block: Block, top: float) -> None:
    _draw_header(page, block, top)
    _draw_tiles(page, block, top + block.header)
    block.legend.draw(page, block.lefts[0], top + block.height - block.legend.height)


def _draw_header(page: Page, block: Block, top: float) -> None:
    """The dataset; the fractions, each with a line over its columns; the names of the columns."""
    draw_dataset(page, block, top)
    foot = top + block.header - 0.07
    for left, name in zip(block.lefts, ["image", "truth", *block.methods], strict=True):
        middle = left + block.tile / 2
        page.text(middle, foot, name, size=BODY, va="baseline", ha="center", linespacing=1.1)
    predictions = list(zip(block.lefts[2:], block.columns, strict=True))
    for group in dict.fromkeys(column.group for column in block.columns):
        lefts = [left for left, column in predictions if column.group == group]
        draw_group(page, group, lefts[0], lefts[-1] + block.tile - lefts[0], top)


def _draw_tiles(page: Page, block: Block, top: float) -> None:
    palette = block.columns[-1].examples.palette
    for name in block.names:
        height = block.row(name)
        image = block.columns[0].examples.images[name]
        shown = [(image.image, ""), (image.truth, "")]
        for column in block.columns:
            example = column.examples.images[name]
            shown.append((example.prediction, column.examples.value_of(name)))
        tiles = [(left, *one) for left, one in zip(block.lefts, shown, strict=True)]
        draw_row(page, name, tiles, top, (block.tile, height), palette)
        top += height + CAPTION
