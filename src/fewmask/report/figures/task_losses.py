"""The figure of task losses: training and validation loss of every task, by step."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fewmask.config.task import load
from fewmask.planning.requested import Requested
from fewmask.report.figures.panels import (
    BELOW,
    draw_legend,
    fraction_looks,
    legend_height,
    samples_of,
    say_nothing,
)
from fewmask.report.figures.style import BODY, MARGIN, STYLED, Page, heading_height, shorten
from fewmask.report.figures.training_curves import SHARED
from fewmask.report.results.histories import History

LEFT, BETWEEN, ABOVE, PANEL = 0.5, 0.55, 0.32, (2.2, 1.3)
"""Inches: left of the panels, between two, above each, and the size of a panel."""

NOTE = (
    "Losses of training (lines), averaged since the previous evaluation, and on the validation "
    "images (dashes). Test images are not involved."
)


@STYLED
def task_losses_figure(requested: Requested, dataset: str, histories: list[History]) -> Figure:
    """Draw the losses of all tasks on one dataset: a row per stage, a panel per task, a line per
    training, coloured by fraction."""
    learnt = [one for one in histories if one.of_tasks]
    stages = list(dict.fromkeys(one.stage for one in learnt))
    tasks = [name for name in requested.tasks if any(name in one.of_tasks for one in learnt)]
    is_shared = any(one.fraction not in requested.fractions for one in learnt)
    looks = fraction_looks([*requested.fractions, *[SHARED] * is_shared])
    legend = samples_of(looks)
    title = f"{requested.title} · {dataset}"
    columns, rows = max(len(tasks), 1), max(len(stages), 1)
    width = 2 * MARGIN + LEFT + columns * PANEL[0] + (columns - 1) * BETWEEN
    top = heading_height(title, NOTE, width) + 0.05
    below, row = top + legend_height(legend, width), ABOVE + PANEL[1] + BELOW
    page = Page(width, below + rows * row + MARGIN)
    page.heading(title, NOTE)
    draw_legend(page, legend, top)
    for i, stage in enumerate(stages):
        for j, task in enumerate(tasks):
            left = MARGIN + LEFT + j * (PANEL[0] + BETWEEN)
            axes = page.axes(left, below + i * row + ABOVE, *PANEL)
            name = f"{requested.title_of(stage)}, {load(task).title}"
            name = shorten(name, PANEL[0], BODY, "bold")
            axes.set_title(name, loc="left", size=BODY, weight="bold")
            own = [one for one in learnt if one.stage == stage and task in one.of_tasks]
            _draw_panel(axes, own, task, looks)
    return page.figure


def _draw_panel(
    axes: Axes, own: list[History], task: str, looks: dict[str, tuple[str, str]]
) -> None:
    if not own:
        say_nothing(axes, "not learnt")
        return
    for one in own:
        colour, _ = looks.get(one.fraction) or looks[SHARED]
        table = one.of_tasks[task]
        for column, style in {"training": "-", "validation": "--"}.items():
            marker = "." if len(table["step"]) == 1 else ""
            axes.plot(
                table["step"], table[column], color=colour, linestyle=style, marker=marker,
                linewidth=1, alpha=0.8,
            )  # fmt: skip
    axes.grid(axis="y")
    axes.set_xlabel("Step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5))
