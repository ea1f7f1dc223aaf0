"""All figures of an experiment."""

from collections.abc import Callable
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from fewmask.config.task import tasks
from fewmask.planning.requested import Requested
from fewmask.report import contents
from fewmask.report.figures.cases import cases
from fewmask.report.figures.class_iou import class_iou
from fewmask.report.figures.comparison import comparison_figure
from fewmask.report.figures.cost import cost_figure
from fewmask.report.figures.examples import examples
from fewmask.report.figures.label_curve import label_curve
from fewmask.report.figures.label_savings import savings_figure
from fewmask.report.figures.method_looks import left_out_note, shown_methods
from fewmask.report.figures.pseudo_masks import pseudo_masks_figure
from fewmask.report.figures.ranks import ranks_figure
from fewmask.report.figures.restored_images import restored_images, with_restoring_stage
from fewmask.report.figures.search import search_figure
from fewmask.report.figures.sweep import sweep_figure
from fewmask.report.figures.task_losses import task_losses_figure
from fewmask.report.figures.training_curves import training_curves
from fewmask.report.results.histories import History
from fewmask.report.results.runs import Runs, that_learn
from fewmask.report.tables.tabulate import Results

EXAMPLES = {contents.examples_of(task): task.name for task in tasks()}
"""Tasks by the names of their figures of examples."""


def figures(
    requested: Requested, collected: Runs, results: Results
) -> dict[str, Callable[[], Figure]]:
    """What draws the figures, by their names, without those for which no finished run has data.

    Drawing raises FewmaskError: a file is damaged.
    """
    runs, table = collected.table, results.summary
    shown = shown_methods(requested, table)
    of_shown, left_out = runs[runs["method"].isin(shown)], left_out_note(requested, shown)
    of_experiment: dict[str, Callable[[], Figure]] = {
        "label_curve": partial(label_curve, requested, runs, table),
        "comparison": partial(comparison_figure, requested, results.comparison),
        "label_savings": partial(savings_figure, requested, table, results.label_savings),
        "cost": partial(cost_figure, requested, table),
        "sweep": partial(sweep_figure, requested, table),
        **{
            name: partial(examples, requested, that_learn(task, of_shown), task, left_out)
            for name, task in EXAMPLES.items()
        },
        "ranks": partial(ranks_figure, requested, table, results.scores),
        "restored_images": partial(restored_images, requested, runs),
        "pseudo_masks": partial(pseudo_masks_figure, requested, results.pseudo_masks),
    }
    of_datasets: dict[str, Callable[[str], Figure]] = {
        "class_iou": partial(class_iou, requested, table),
        "search": partial(search_figure, requested, results.search),
        "cases": partial(cases, requested, of_shown, note=left_out),
        "training_curves": lambda dataset: training_curves(
            requested,
            dataset,
            _histories_of(shown, collected, results.histories[dataset]),
            left_out,
        ),
        "task_losses": lambda dataset: task_losses_figure(
            requested, dataset, results.histories[dataset]
        ),
    }
    drawn: dict[str, Callable[[], Figure]] = {}
    for name in contents.figures(requested):
        kind, _, dataset = name.partition("/")
        if _has_runs(requested, kind, dataset, collected, of_shown):
            drawn[name] = partial(of_datasets[kind], dataset) if dataset else of_experiment[kind]
    return drawn


def _histories_of(methods: list[str], collected: Runs, histories: list[History]) -> list[History]:
    """The histories of the stages that runs of some methods went through."""
    cells = [training.cell.split("/") for training in collected.trainings_by(methods)]
    stages = {f"{method}/{stage}" for _, method, _, _, stage in cells}
    return [one for one in histories if one.stage in stages]


def _has_runs(
    requested: Requested, kind: str, dataset: str, collected: Runs, of_shown: pd.DataFrame
) -> bool:
    if kind == "pseudo_masks":
        return not collected.pseudo_masks.empty
    if kind == "restored_images":
        return not with_restoring_stage(requested, collected.table).empty
    if kind in EXAMPLES:
        return not that_learn(EXAMPLES[kind], of_shown).empty
    runs = of_shown if kind == "cases" else collected.table
    return kind == "search" or not dataset or (runs["dataset"] == dataset).any()
