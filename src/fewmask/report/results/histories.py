"""The histories of trainings, read from the folders of stages."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fewmask.config.task import tasks
from fewmask.core.csv_columns import read_columns
from fewmask.core.files import file_digest
from fewmask.core.paths import HISTORY, TRAINING, Layout
from fewmask.metrics import table as metrics
from fewmask.metrics.records import damaged, read_training

Columns = dict[str, np.ndarray]
"""Columns by name, each float (E,); NaN: undefined."""


class TrainedStage(NamedTuple):
    """A training that a run consists of, as its metrics file states it."""

    cell: str
    """dataset/method/fraction/seed/stage."""
    metric: str
    """The one by which weights were selected on the validation images; ``none``: the last step."""


class History(NamedTuple):
    """The evaluations during one training."""

    stage: str
    """METHOD/STAGE."""
    fraction: str
    seed: int
    judged_by: str
    """The metric of ``validation``; empty where there is none."""
    evaluations: Columns
    """The columns step, loss (of the training), validation; one row per evaluation."""
    selected: int | None
    """The step whose weights were kept; None: the last step."""
    of_tasks: dict[str, Columns]
    """By task, the columns step, training, validation: its loss; only where an objective learns
    tasks by losses of their own (`multi_task`)."""


def histories(results: str, trainings: Iterable[TrainedStage], dataset: str) -> list[History]:
    """The histories of the trainings on a dataset, each once, in their order.

    Those whose folder was deleted are left out. Raises FewmaskError: one is damaged.
    """
    read, layout = [], Layout(results)
    for training in dict.fromkeys(trainings):
        if training.cell.startswith(f"{dataset}/"):
            names = ("dataset", "method", "fraction", "seed", "stage")
            parts = dict(zip(names, training.cell.split("/"), strict=True))
            path = Path(layout.stage.format(**parts)) / HISTORY
            if path.is_file():
                read.append(_history(path, training.metric, parts))
    return read


def _history(path: Path, metric: str, parts: dict[str, str]) -> History:
    try:
        table = read_columns(path)
        candidates = [metric, *(task.judged_by for task in tasks()), "loss"]
        judged_by = next((one for one in candidates if f"validation_{one}" in table), "")
        evaluations = {name: _numbers(table[name]) for name in ("step", "loss")}
        undefined = np.full_like(evaluations["step"], np.nan)
        evaluations["validation"] = (
            _numbers(table[f"validation_{judged_by}"]) if judged_by else undefined
        )
        _check(evaluations)
        _check_digest(path)
        of_tasks = _of_tasks(table)
    except (OSError, ValueError, KeyError) as error:
        mend = "delete its folder and run the workflow again, which trains the stage anew"
        raise damaged(path, "the history of a training", error, mend) from None
    stage = f"{parts['method']}/{parts['stage']}"
    selected = None
    values = evaluations["validation"]
    if metric != "none" and judged_by == metric and not np.isnan(values).all():
        best = np.nanargmax if metrics.find(metric).higher_is_better else np.nanargmin
        selected = int(evaluations["step"][best(values)])
    return History(
        stage,
        parts["fraction"],
        int(parts["seed"]),
        judged_by,
        evaluations,
        selected,
        of_tasks,
    )


def _numbers(texts: list[str]) -> np.ndarray:
    """A column of numbers, of which some may be left out: float (E,). Raises ValueError."""
    return np.array([float(text or "nan") for text in texts])


def _of_tasks(table: dict[str, list[str]]) -> dict[str, Columns]:
    """The losses of the tasks whose training loss has the name of the task."""
    validation = {task.name: f"validation_loss_{task.name}" for task in tasks()}
    return {
        name: {
            "step": _numbers(table["step"]),
            "training": _numbers(table[name]),
            "validation": _numbers(table[column]),
        }
        for name, column in validation.items()
        if name in table and column in table
    }


def _check(evaluations: Columns) -> None:
    """Raise ValueError unless a training can have written this."""
    steps = evaluations["step"]
    if not len(steps) or not (np.diff(steps, prepend=0) > 0).all() or (steps % 1).any():
        raise ValueError("its steps do not increase from 1")
    if not np.isfinite(evaluations["loss"]).all():
        raise ValueError("a loss is no number")


def _check_digest(path: Path) -> None:
    """Raise ValueError if it is not what the training has written."""
    if read_training(path.with_name(TRAINING)).history != file_digest(path):
        raise ValueError(f"its content does not match its digest in {TRAINING}; it was changed")
