"""Draw all figures of an experiment."""

from collections.abc import Callable
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from fewmask.config.task import with_figure
from fewmask.core.progress import bar
from fewmask.planning.requested import Requested
from fewmask.report import contents
from fewmask.report.figures.cases import cases
from fewmask.report.figures.class_iou import class_iou
from fewmask.report.figures.cost import cost_figure
from fewmask.report.figures.examples import examples
from fewmask.report.figures.label_curve import label_curve
from fewmask.report.figures.label_savings import savings_figure
from fewmask.report.figures.pseudo_masks import pseudo_masks_figure
from fewmask.report.figures.training_curves import training_curves
from fewmask.report.results.histories import histories
from fewmask.report.results.runs import Runs
from fewmask.report.tables.tabulate import Results

KNOWN_BY = {contents.examples_of(task): task.judged_by for task in with_figure()}
"""What every run that learns a task has, by the name of its figure."""


def draw(requested: Requested, collected: Runs, results: Results) -> dict[str, Figure]:
    """The figures by name, without those for which no finished run has data.

    Raises FewmaskError: a file is damaged.
    """
    runs, table = collected.table, results.summary
    of_experiment: dict[str, Callable[[], Figure]] = {
        "label_curve": partial(label_curve, requested, runs, table),
        "label_savings": partial(savings_figure, requested, table, results.label_savings),
        "cost": partial(cost_figure, requested, table),
        "examples": partial(examples, requested, runs),
        **{
            (name := contents.examples_of(task)): partial(
                examples, requested, _that_tell(name, runs), task.name
            )
            for task in with_figure()
        },
        "pseudo_masks": partial(pseudo_masks_figure, requested, results.pseudo_masks),
    }
    of_datasets: dict[str, Callable[[str], Figure]] = {
        "class_iou": partial(class_iou, requested, table),
        "cases": partial(cases, requested, runs),
        "training_curves": lambda dataset: training_curves(
            requested, dataset, histories(requested.results, collected.trainings, dataset)
        ),
    }
    drawn, names = {}, contents.figures(requested)
    with bar("draw figures", len(names)) as shown:
        for name in names:
            kind, _, dataset = name.partition("/")
            if _has_runs(kind, dataset, collected):
                drawn[name] = of_datasets[kind](dataset) if dataset else of_experiment[kind]()
            shown.more(1)
    return drawn


def _has_runs(kind: str, dataset: str, collected: Runs) -> bool:
    if kind == "pseudo_masks":
        return not collected.pseudo_masks.empty
    if kind in KNOWN_BY:
        return not _that_tell(kind, collected.table).empty
    return not dataset or (collected.table["dataset"] == dataset).any()


def _that_tell(kind: str, runs: pd.DataFrame) -> pd.DataFrame:
    metric = KNOWN_BY[kind]
    return runs[runs[metric].notna()] if metric in runs else runs.iloc[:0]
