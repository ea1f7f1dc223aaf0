"""The losses of all tasks in training and on the validation images, where the weights were kept."""

import pandas as pd

from fewmask.planning.requested import Requested
from fewmask.report.results.histories import Columns, History
from fewmask.report.tables.columns import NOTHING, seeds_text, spread_text
from fewmask.report.tables.page import Table, TableRow
from fewmask.report.tables.statistics import over_seeds

KEY = ["dataset", "stage", "fraction", "task"]
PARTS = ("training", "validation")


def task_losses_summary(requested: Requested, histories: dict[str, list[History]]) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds that are there.

    Args:
        requested: the experiment.
        histories: those of its trainings, by dataset.

    Returns:
        The columns dataset, stage, fraction, task, seeds, seeds_requested; training_mean and _std,
        the loss of training, averaged since the previous evaluation; validation_mean and _std. Both
        at the step whose weights were kept.
    """
    rows = [
        {"dataset": dataset, "stage": one.stage, "fraction": one.fraction, "task": task}
        | {"seed": one.seed}
        | _kept(table, one.selected)
        for dataset, of_dataset in histories.items()
        for one in of_dataset
        for task, table in one.of_tasks.items()
    ]
    return over_seeds(requested, pd.DataFrame(rows, columns=[*KEY, "seed", *PARTS]), KEY)


def _kept(table: Columns, selected: int | None) -> dict[str, float]:
    row = -1 if selected is None else list(table["step"]).index(selected)
    return {part: table[part][row] for part in PARTS}


def task_losses_table(requested: Requested, summary: pd.DataFrame) -> Table:
    """The summary as a table to be read; a sentence where no stage learns several tasks."""
    name = f"Losses of tasks: {requested.title}"
    if summary.empty:
        return Table(name, ["No stage of this experiment learns tasks by losses of their own."])
    notes = [
        f"Losses of every task where the weights were kept; {spread_text(requested)}. Training: "
        "averaged since the previous evaluation. Validation: on the validation images, in "
        "evaluation mode. Test images are not involved.",
    ]
    header = ["Dataset", "Fraction", "Stage", "Task", "Training loss", "Validation loss", "Seeds"]
    rows = [_cells(requested, row) for _, row in summary.iterrows()]
    return Table(name, notes, header, "llllrrr", rows)


def _cells(requested: Requested, row: pd.Series) -> TableRow:
    losses = [_loss(row[f"{part}_mean"], row[f"{part}_std"]) for part in PARTS]
    stage = requested.title_of(row["stage"])
    return [row["dataset"], row["fraction"], stage, row["task"], *losses, seeds_text(row)]


def _loss(mean: float, std: float) -> str:
    if pd.isna(mean):
        return NOTHING
    return f"{mean:.3f}" if pd.isna(std) else f"{mean:.3f} ± {std:.3f}"
