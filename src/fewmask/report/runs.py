"""The runs of an experiment that are there, as one table."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pydantic import BaseModel, ValidationError

from fewmask.config.asked import Asked, fingerprint
from fewmask.errors import FewmaskError
from fewmask.grid import Run
from fewmask.metrics import CLASS_FIGURES, TEST_METRICS
from fewmask.paths import Layout
from fewmask.report.cost import Accounts, JobCost, RunCost, StageCost, total
from fewmask.report.delta_m import add_delta_m
from fewmask.report.histories import Training
from fewmask.report.pseudo_masks import Quality, collect_qualities
from fewmask.task_metrics import TASK_METRICS

TRAINING_COSTS = ("seconds", "peak_memory_mb", "images_seen")
COST_NAMES = (*TRAINING_COSTS, "hours", "gpu_hours")


class _Pictures(BaseModel):
    labelled: int


class _Cost(BaseModel):
    seconds: float
    peak_memory_mb: float | None
    images_seen: int
    stages: list[StageCost] = []


class _Metrics(BaseModel):
    """What the tables need of a metrics file; null stands for what is undefined."""

    dataset: str
    method: str
    fraction: str
    seed: int
    pictures: _Pictures
    metrics: dict[str, float | None]
    classes: dict[str, dict[str, float | None]]
    cost: _Cost
    provenance: dict[str, Any]
    pseudo_masks: list[Quality] = []


class Runs(NamedTuple):
    """What there is of an experiment."""

    table: pd.DataFrame
    """One row for every run that is there."""
    pseudo_masks: pd.DataFrame
    """One row for all pseudo-masks that it learnt (see `collect_qualities`)."""
    jobs: dict[Run, list[JobCost]]
    """What the jobs of every run that is there took."""
    trainings: list[Training]
    """Those that the runs went through, in their order; shared ones several times."""
    missing: list[Path]
    """The metrics files that are asked for and not there, or outdated."""
    outdated: list[Path]
    """Those that are of trainings with other settings."""


def run_file(pattern: str, run: Run) -> Path:
    """A run's file; ``pattern`` is one of Layout's."""
    return Path(pattern.format(**vars(run)))


def collect(asked: Asked) -> Runs:
    """The runs that are there, one row each, in the order of the experiment.

    The table has the columns dataset, method, fraction, labelled (pictures), seed; every metric,
    shares in [0, 1]; those of depths and normals and delta_m where runs have them; seconds,
    peak_memory_mb, images_seen of trainings; hours and gpu_hours of all jobs, those that are shared
    with other runs in full (see `fewmask.report.cost`); and <figure>_<class>, such as iou_pet, for
    the figures of the classes of all datasets. NaN where a figure is undefined. All but the
    optional and the classes' columns are there even if no run is.

    Raises:
        FewmaskError: a metrics file is damaged or belongs to another run.
    """
    pattern = Layout(asked.results).metrics
    records: dict[Run, _Metrics] = {}
    missing, outdated = [], []
    trainings = asked.trainings or [None] * len(asked.cells())
    for (cell, training), seed in product(zip(asked.cells(), trainings, strict=True), asked.seeds):
        run = Run(*cell, seed)
        path = run_file(pattern, run)
        record = _read(run, path) if path.is_file() else None
        if record is None:
            missing.append(path)
        elif training and training != fingerprint(record.provenance.get("stages", [])):
            missing.append(path)
            outdated.append(path)
        else:
            records[run] = record
    qualities = collect_qualities((run, record.pseudo_masks) for run, record in records.items())
    accounts = Accounts(asked.results)
    jobs = {run: accounts.jobs(run, _run_cost(record)) for run, record in records.items()}
    table = add_delta_m(asked, _table(records, jobs))
    trainings = [one for record in records.values() for one in _trainings(record)]
    return Runs(table, qualities, jobs, trainings, missing, outdated)


def _trainings(record: _Metrics) -> Iterator[Training]:
    """What earlier versions wrote does not name its stages."""
    settings = record.provenance.get("stages", [])
    for stage, of_stage in zip(record.cost.stages, settings, strict=False):
        if stage.cell:
            yield Training(stage.cell, of_stage.get("evaluation", {}).get("metric", "none"))


def _run_cost(record: _Metrics) -> RunCost:
    learnt = [quality.stage for quality in record.pseudo_masks]
    return RunCost(record.cost.stages, learnt, record.provenance)


def _table(records: dict[Run, _Metrics], jobs: dict[Run, list[JobCost]]) -> pd.DataFrame:
    leading = ["dataset", "method", "fraction", "labelled", "seed", *TEST_METRICS]
    found = {name for record in records.values() for name in record.metrics}
    leading += [*(name for name in TASK_METRICS if name in found), *COST_NAMES]
    classes = dict.fromkeys(name for record in records.values() for name in record.classes)
    of_classes = [f"{figure}_{name}" for figure in CLASS_FIGURES for name in classes]
    rows = [_row(run, record) | total(jobs[run]) for run, record in records.items()]
    return pd.DataFrame(rows, columns=[*leading, *of_classes])


def _row(run: Run, record: _Metrics) -> dict[str, object]:
    known = [name for name in (*TEST_METRICS, *TASK_METRICS) if name in record.metrics]
    figures = {name: record.metrics[name] for name in known}
    figures |= {name: getattr(record.cost, name) for name in TRAINING_COSTS}
    for name, of_class in record.classes.items():
        figures |= {f"{figure}_{name}": of_class[figure] for figure in CLASS_FIGURES}
    undefined = float("nan")
    return {
        "dataset": run.dataset,
        "method": run.method,
        "fraction": run.fraction,
        "labelled": record.pictures.labelled,
        "seed": run.seed,
        **{name: undefined if figure is None else figure for name, figure in figures.items()},
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
    wanted = {"metrics": (record.metrics, TEST_METRICS)}
    wanted |= {f"classes.{name}": (one, CLASS_FIGURES) for name, one in record.classes.items()}
    for key, (figures, names) in wanted.items():
        if absent := [name for name in names if name not in figures]:
            raise _damaged(path, f"{key}: without {', '.join(absent)}")
    return record


def _damaged(path: Path, found: str) -> FewmaskError:
    return FewmaskError(
        f"{path}: not the metrics of this run: {found}\n"
        f"  delete the file and run the workflow again, which evaluates the run anew"
    )
