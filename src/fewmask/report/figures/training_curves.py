"""Training curves: the loss and the validation metric, step by step."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested
from fewmask.report.figures.panels import (
    BELOW,
    draw_legend,
    fraction_looks,
    joined,
    legend_height,
    samples_of,
    say_nothing,
)
from fewmask.report.figures.style import BODY, FAINT, MARGIN, STYLED, Page, heading_height, shorten
from fewmask.report.results.histories import History
from fewmask.report.tables.columns import called, with_unit

LEFT, BETWEEN, ABOVE, PANEL = 0.6, 0.75, 0.32, (2.6, 1.4)
"""Inches: left of the panels, between the two, above each, and the size of a panel."""

SHARED = "shared"
"""The name of trainings that do not depend on the label fraction."""


@STYLED
def training_curves(
    requested: Requested, dataset: str, all_histories: list[History], note: str = ""
) -> Figure:
    """Draw the trainings on one dataset: a row per stage, a line per training, coloured by
    fraction.

    Left: the training loss, averaged since the previous evaluation. Right: the metric on the
    validation images by which weights were selected, with a dot at the weights that were kept.
    ``note`` is added to what the figure says of itself.
    """
    # A stage whose weights are selected by several metrics has a row for each: no axis fits all.
    stages = list(dict.fromkeys((one.stage, one.judged_by) for one in all_histories))
    is_shared = any(one.fraction not in requested.fractions for one in all_histories)
    colours = fraction_looks([*requested.fractions, *[SHARED] * is_shared])
    legend = samples_of(colours)
    title, note = f"{requested.title} · {dataset}", _note(requested) + note
    width = MARGIN + LEFT + 2 * PANEL[0] + BETWEEN + MARGIN
    top = heading_height(title, note, width) + 0.05
    below = top + legend_height(legend, width)
    row = ABOVE + PANEL[1] + BELOW
    page = Page(width, below + max(len(stages), 1) * row + MARGIN)
    page.heading(title, note)
    draw_legend(page, legend, top)
    for i, (stage, judged_by) in enumerate(
        stages or [("The histories of these trainings were deleted", "")]
    ):
        lefts = MARGIN + LEFT, MARGIN + LEFT + PANEL[0] + BETWEEN
        panels = [page.axes(left, below + i * row + ABOVE, *PANEL) for left in lefts]
        name = shorten(requested.title_of(stage), 2 * PANEL[0], BODY + 1, "bold")
        panels[0].set_title(name, loc="left", size=BODY + 1, weight="bold")
        own = [one for one in all_histories if (one.stage, one.judged_by) == (stage, judged_by)]
        _draw_stage(panels, own, judged_by, colours)
    return page.figure


def _note(requested: Requested) -> str:
    lines = "One line per seed. " if len(requested.seeds) > 1 else ""
    return (
        f"{lines}Left: training loss, averaged since the previous evaluation. Right: metric on the "
        "validation images; a dot marks the weights that were kept (no dot: the last ones). Test "
        "images are not involved."
    )


def _draw_stage(
    panels: list[Axes], own: list[History], judged_by: str, colours: dict[str, tuple[str, str]]
) -> None:
    loss, validation = panels
    factor = 100 if judged_by and metrics.find(judged_by).unit == "%" else 1
    of_colours: dict[str, list[History]] = {}
    kept: list[tuple[str, np.ndarray]] = []
    for one in own:
        colour, _ = colours.get(one.fraction, colours.get(SHARED, (FAINT, "")))
        of_colours.setdefault(colour, []).append(one)
    for colour, trainings in of_colours.items():
        _draw_lines(loss, [_points(one, "loss") for one in trainings], colour)
        values = [_points(one, "validation") * (1, factor) for one in trainings]
        _draw_lines(validation, values, colour)
        kept += [
            (colour, point)
            for one, points in zip(trainings, values, strict=True)
            for point in points[points[:, 0] == one.selected]
        ]
    if kept:
        of_kept, points = zip(*kept, strict=True)
        validation.scatter(
            *np.transpose(points), s=22, color=of_kept, edgecolors="white", linewidths=0.6,
            zorder=3,
        )  # fmt: skip
    for axes in panels:
        axes.grid(axis="y")
        axes.set_xlabel("Step")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(5))
    loss.set_ylabel("Training loss")
    if judged_by:
        name = "loss" if judged_by == "loss" else called(judged_by)
        validation.set_ylabel(with_unit(f"Validation {name}", judged_by))
    else:
        say_nothing(validation, "no validation images")


def _points(history: History, column: str) -> np.ndarray:
    """The steps and a column of a history, float (E, 2)."""
    return np.stack([history.evaluations["step"], history.evaluations[column]], axis=1)


def _draw_lines(axes: Axes, lines: list[np.ndarray], colour: str) -> None:
    """Lines of one colour; a single point is drawn as a dot."""
    ends = np.cumsum([len(line) + 1 for line in lines])
    alone = [int(end) - 2 for line, end in zip(lines, ends, strict=True) if len(line) == 1]
    dots = {"marker": ".", "markevery": alone} if alone else {}
    axes.plot(*joined(lines).T, color=colour, linewidth=1, alpha=0.8, **dots)
