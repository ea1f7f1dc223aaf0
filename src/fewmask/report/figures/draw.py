"""Draw all figures of an experiment."""

from collections.abc import Callable
from functools import partial

from matplotlib.figure import Figure

from fewmask.config.task import tasks
from fewmask.core.progress import bar
from fewmask.planning.requested import Requested
from fewmask.report import contents
from fewmask.report.figures.cases import cases
from fewmask.report.figures.class_iou import class_iou
from fewmask.report.figures.comparison import comparison_figure
from fewmask.report.figures.cost import cost_figure
from fewmask.report.figures.examples import examples
from fewmask.report.figures.label_curve import label_curve
from fewmask.report.figures.label_savings import savings_figure
from fewmask.report.figures.pseudo_masks import pseudo_masks_figure
from fewmask.report.figures.ranks import ranks_figure
from fewmask.report.figures.restored_images import restored_images, with_restoring_stage
from fewmask.report.figures.search import search_figure
from fewmask.report.figures.sweep import sweep_figure
from fewmask.report.figures.task_losses import task_losses_figure
from fewmask.report.figures.training_curves import training_curves
from fewmask.report.results.runs import Runs, that_learn
from fewmask.report.tables.tabulate import Results

EXAMPLES = {contents.examples_of(task): task.name for task in tasks()}
"""Tasks by the names of their figures of examples."""


def draw(requested: Requested, collected: Runs, results: Results) -> dict[str, Figure]:
    """The figures by name, without those for which no finished run has data.

    Raises FewmaskError: a file is damaged.
    """
    runs, table = collected.table, results.summary
    of_experiment: dict[str, Callable[[], Figure]] = {
        "label_curve": partial(label_curve, requested, runs, table),
        "comparison": partial(comparison_figure, requested, results.comparison),
        "label_savings": partial(savings_figure, requested, table, results.label_savings),
        "cost": partial(cost_figure, requested, table),
        "sweep": partial(sweep_figure, requested, table),
        **{
            name: partial(examples, requested, that_learn(task, runs), task)
            for name, task in EXAMPLES.items()
        },
        "ranks": partial(ranks_figure, requested, table, results.scores),
        "restored_images": partial(restored_images, requested, runs),
        "pseudo_masks": partial(pseudo_masks_figure, requested, results.pseudo_masks),
    }
    of_datasets: dict[str, Callable[[str], Figure]] = {
        "class_iou": partial(class_iou, requested, table),
        "search": partial(search_figure, requested, results.search),
        "cases": partial(cases, requested, runs),
        "training_curves": lambda dataset: training_curves(
            requested, dataset, results.histories[dataset]
        ),
        "task_losses": lambda dataset: task_losses_figure(
            requested, dataset, results.histories[dataset]
        ),
    }
    drawn, names = {}, contents.figures(requested)
    with bar("draw figures", len(names)) as shown:
        for name in names:
            kind, _, dataset = name.partition("/")
            if _has_runs(requested, kind, dataset, collected):
                drawn[name] = of_datasets[kind](dataset) if dataset else of_experiment[kind]()
            shown.more(1)
    return drawn


def _has_runs(requested: Requested, kind: str, dataset: str, collected: Runs) -> bool:
    if kind == "pseudo_masks":
        return not collected.pseudo_masks.empty
    if kind == "restored_images":
        return not with_restoring_stage(requested, collected.table).empty
    if kind in EXAMPLES:
        return not that_learn(EXAMPLES[kind], collected.table).empty
    return kind == "search" or not dataset or (collected.table["dataset"] == dataset).any()
