"""The runs of an experiment that are there, as one table."""

from itertools import product
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ValidationError

from fewmask.config.experiment import Experiment
from fewmask.errors import FewmaskError
from fewmask.grid import Run
from fewmask.metrics import METRICS
from fewmask.paths import Layout

METRIC_NAMES = tuple(name for name in METRICS if name != "loss")
"""What a run is judged by; the loss only serves to select."""

COST_NAMES = ("seconds", "peak_memory_mb", "images_seen")


class _Pictures(BaseModel):
    labelled: int


class _OfClass(BaseModel):
    iou: float | None


class _Cost(BaseModel):
    seconds: float
    peak_memory_mb: float | None
    images_seen: int


class _Metrics(BaseModel):
    """What the tables need of a metrics file; null stands for what is undefined."""

    dataset: str
    method: str
    fraction: str
    seed: int
    pictures: _Pictures
    metrics: dict[str, float | None]
    classes: dict[str, _OfClass]
    cost: _Cost


def asked_runs(asked: Experiment) -> list[Run]:
    """All runs that an experiment asks for, in its order."""
    cells = product(asked.datasets, asked.methods, asked.fractions, asked.seeds)
    return [Run(*cell) for cell in cells]


def run_file(pattern: str, run: Run) -> Path:
    """A run's file; ``pattern`` is one of Layout's."""
    return Path(pattern.format(**vars(run)))


def missing_files(asked: Experiment) -> list[Path]:
    """The metrics files that are asked for and not there."""
    pattern = Layout(asked.results).metrics
    return [path for run in asked_runs(asked) if not (path := run_file(pattern, run)).is_file()]


def collect(asked_json: str) -> pd.DataFrame:
    """The runs that are there, one row each, in the order of the experiment.

    Args:
        asked_json: what ``Grid.asked`` returns.

    Returns:
        The columns dataset, method, fraction, labelled (pictures), seed; every metric, in [0, 1];
        seconds, peak_memory_mb, images_seen; and iou_<class> for the classes of all datasets. NaN
        where a figure is undefined. The columns are there even if no run is.

    Raises:
        FewmaskError: a metrics file is damaged or belongs to another run.
    """
    asked = Experiment.model_validate_json(asked_json)
    pattern = Layout(asked.results).metrics
    rows = [
        _row(run, path) for run in asked_runs(asked) if (path := run_file(pattern, run)).is_file()
    ]
    leading = ["dataset", "method", "fraction", "labelled", "seed", *METRIC_NAMES, *COST_NAMES]
    classes = [name for row in rows for name in row if name not in leading]
    return pd.DataFrame(rows, columns=list(dict.fromkeys(leading + classes)))


def _row(run: Run, path: Path) -> dict[str, object]:
    record = _read(run, path)
    figures = {name: record.metrics[name] for name in METRIC_NAMES} | dict(record.cost)
    ious = {f"iou_{name}": figure.iou for name, figure in record.classes.items()}
    undefined = float("nan")
    return {
        "dataset": run.dataset,
        "method": run.method,
        "fraction": run.fraction,
        "labelled": record.pictures.labelled,
        "seed": run.seed,
        **{name: undefined if figure is None else figure for name, figure in figures.items()},
        **{name: undefined if iou is None else iou for name, iou in ious.items()},
    }


def _read(run: Run, path: Path) -> _Metrics:
    try:
        record = _Metrics.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _damaged(path, f"{where}: {first['msg']}" if where else first["msg"]) from None
    found = Run(record.dataset, record.method, record.fraction, record.seed)
    if found != run:
        raise _damaged(
            path, f"it belongs to another run, {'/'.join(map(str, vars(found).values()))}"
        )
    absent = [name for name in METRIC_NAMES if name not in record.metrics]
    if absent:
        raise _damaged(path, f"metrics: without {', '.join(absent)}")
    return record


def _damaged(path: Path, found: str) -> FewmaskError:
    return FewmaskError(
        f"{path}: not the metrics of this run: {found}\n"
        f"  delete the file and run the workflow again, which evaluates the run anew"
    )
