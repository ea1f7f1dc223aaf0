"""The cases figure: the worst and the median test images of every run."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from fewmask.core.cells import Run
from fewmask.core.paths import Layout
from fewmask.planning.requested import Requested
from fewmask.report.figures.example_images import Example, Examples, read_choices
from fewmask.report.figures.examples import by_shown_fraction, masks_title
from fewmask.report.figures.style import (
    BODY,
    FAINT,
    LEADING,
    MARGIN,
    SMALL,
    STYLED,
    Page,
    heading_height,
    shorten,
)
from fewmask.report.figures.tiles import ClassLegend, draw_tile, tile_height, whole
from fewmask.report.results.runs import run_file
from fewmask.report.tables.columns import title as metric_title

CHOICES = {"worst": 2, "median": 2}
"""The number of images shown of a run, by the reason for their choice."""

TILE, GAP, CASE_GAP, GROUP_GAP = 1.0, 0.05, 0.14, 0.32
"""Inches: a tile, and the gaps within a case, between two cases, and before the median ones."""

CASE = 3 * TILE + 2 * GAP

TITLE, CAPTION, BELOW = 0.22, 0.17, 0.12
"""Inches: the line above a row, the one below its tiles, and the white space after it."""

HOW_TO_READ = (
    "Each run's own test images: those with the worst {metrics}, and those nearest to its median "
    "(apart from the images that all runs show). Below a prediction: {metrics} of this image. "
    "Models are selected on the validation set, never on the test set."
)


@dataclass(frozen=True)
class RunCases:
    """The cases of one run."""

    title: str
    cases: list[tuple[str, str, Example]]
    """The reason for the choice, the name of the image, and the image with its prediction."""
    values: list[str]
    """Of the cases, as they are written below them."""
    examples: Examples

    @property
    def height(self) -> float:
        """The height of the tiles, in inches."""
        return max((tile_height(example.image, TILE) for *_, example in self.cases), default=0)


def _lefts() -> dict[str, list[float]]:
    """The left edges of the cases of every choice, in inches."""
    lefts, left = {}, MARGIN
    for why, count in CHOICES.items():
        lefts[why] = [left + i * (CASE + CASE_GAP) for i in range(count)]
        left = lefts[why][-1] + CASE + GROUP_GAP
    return lefts


LEFTS = _lefts()
WIDTH = whole(max(map(max, LEFTS.values())) + CASE + MARGIN)


@STYLED
def cases(requested: Requested, runs: pd.DataFrame, dataset: str, note: str = "") -> Figure:
    """Draw the worst and the median test images of the runs of one dataset: a row per run.

    Shown are all methods at the fractions of `by_shown_fraction`, for the first seed with a run.
    ``note`` is added to what the figure says of itself.

    Raises:
        FewmaskError: an examples file is missing or damaged.
    """
    rows = _rows(requested, runs[runs["dataset"] == dataset])
    title = f"{requested.title} · {dataset}"
    judged_by = dict.fromkeys(metric_title(row.examples.metric) for row in rows)
    how_to_read = HOW_TO_READ.format(metrics=" or ".join(judged_by)) + note
    examples = [example for row in rows for *_, example in row.cases]
    legend = ClassLegend(rows[0].examples, examples, WIDTH - 2 * MARGIN)
    top = whole(heading_height(title, how_to_read, WIDTH) + 0.05)
    header = whole(2 * BODY * LEADING + 0.06)
    heights = [whole(TITLE + row.height + CAPTION + BELOW) for row in rows]
    page = Page(WIDTH, whole(top + header + sum(heights) + legend.height + MARGIN))
    page.heading(title, how_to_read)
    _draw_header(page, top)
    top += header
    for row, height in zip(rows, heights, strict=True):
        _draw_row(page, row, top)
        top += height
    legend.draw(page, MARGIN, top)
    return page.figure


def _rows(requested: Requested, runs: pd.DataFrame) -> list[RunCases]:
    seed = next(seed for seed in requested.seeds if (runs["seed"] == seed).any())
    runs = runs[runs["seed"] == seed].sort_values("masks", kind="stable")
    rows = []
    for fraction, of_fraction in by_shown_fraction(requested, runs).items():
        for row in of_fraction.itertuples():
            run = Run(row.dataset, row.method, fraction, seed)
            path = run_file(Layout(requested.results).examples, run)
            masks = masks_title(requested, runs, row)
            title = f"{requested.title_of(row.method)}, {masks}, seed {seed}"
            of_choice = read_choices(path, [*CHOICES])
            shown = [
                (why, name, example)
                for why, examples in of_choice.items()
                for name, example in list(examples.images.items())[: CHOICES[why]]
            ]
            values = [of_choice[why].value_of(name) for why, name, _ in shown]
            rows.append(RunCases(title, shown, values, of_choice["worst"]))
    # With few test images, all runs show the same ones.
    return [row for row in rows if row.cases] or rows


def _draw_header(page: Page, top: float) -> None:
    """The reasons for the choice, each with a rule over its cases, and the titles of the tiles."""
    foot = top + BODY * LEADING
    for why, lefts in LEFTS.items():
        width = lefts[-1] + CASE - lefts[0]
        page.text(lefts[0] + width / 2, foot, why, size=BODY, va="baseline", ha="center")
        page.rectangle(lefts[0], foot + 0.045, width, 0.005, color=FAINT)
        for left in lefts:
            for i, name in enumerate(("image", "truth", "prediction")):
                middle = left + i * (TILE + GAP) + TILE / 2
                page.text(middle, foot + 0.08, name, size=SMALL, color=FAINT, ha="center")


def _draw_row(page: Page, row: RunCases, top: float) -> None:
    page.text(MARGIN, top + 0.03, row.title, size=BODY, weight="bold")
    top = whole(top + TITLE)
    below = top + row.height + 0.02
    free = {why: iter(lefts) for why, lefts in LEFTS.items()}
    for (why, name, example), value in zip(row.cases, row.values, strict=True):
        left = whole(next(free[why]))
        for i, pixels in enumerate((example.image, example.truth, example.prediction)):
            box = (TILE, tile_height(example.image, TILE))
            above = whole(top + (row.height - box[1]) / 2)
            place = whole(left + i * (TILE + GAP))
            draw_tile(page, pixels, row.examples.palette, place, above, box)
        page.text(left, below, shorten(name, 2 * TILE, SMALL), size=SMALL, color=FAINT)
        middle = left + 2 * (TILE + GAP) + TILE / 2
        page.text(middle, below, value, size=SMALL, ha="center")
