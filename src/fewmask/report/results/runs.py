"""The finished runs of an experiment, as one table."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fewmask.config.task import load
from fewmask.core.cells import Run
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import Layout
from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested
from fewmask.report.results.delta_m import add_delta_m
from fewmask.report.results.histories import TrainedStage
from fewmask.report.results.job_costs import Accounts, JobCost, RunCost, total
from fewmask.report.results.last_weights import collect_last_weights
from fewmask.report.results.metrics_file import MetricsFile, read_metrics
from fewmask.report.results.pseudo_masks import collect_qualities
from fewmask.report.results.searched_masks import SearchedMasks

TRAINING_COSTS = ("seconds", "peak_memory_mb", "images_seen")
GridCell = tuple[str, str, str]
"""Dataset, method and fraction."""

COST_NAMES = (*TRAINING_COSTS, "hours", "gpu_hours")


class Runs(NamedTuple):
    """The finished runs of an experiment, and the missing ones."""

    table: pd.DataFrame
    """One row for every finished run."""
    pseudo_masks: pd.DataFrame
    """One row for all pseudo-masks that it learnt (see `collect_qualities`)."""
    last_weights: pd.DataFrame
    """One row for all weights of it that were evaluated (see `collect_last_weights`)."""
    jobs: dict[Run, list[JobCost]]
    """The costs of the jobs of every finished run."""
    jobs_of_searches: dict[GridCell, list[JobCost]]
    """Those of the trials of every search, by the dataset, method and fraction that it is of."""
    trainings_of: dict[Run, list[TrainedStage]]
    """Those that every finished run went through, in their order."""
    missing: list[Path]
    """The requested metrics files that do not exist or are outdated."""
    outdated: list[Path]
    """The metrics files that were made with other settings."""

    @property
    def trainings(self) -> list[TrainedStage]:
        """Those of all runs; shared ones several times."""
        return [one for trainings in self.trainings_of.values() for one in trainings]

    def trainings_by(self, methods: Collection[str]) -> list[TrainedStage]:
        """Those of the runs of some methods; shared ones several times."""
        own = (of_run for run, of_run in self.trainings_of.items() if run.method in methods)
        return [one for trainings in own for one in trainings]


def run_file(pattern: str, run: Run) -> Path:
    """A run's file; ``pattern`` is one of Layout's."""
    return Path(pattern.format(**vars(run)))


def collect(requested: Requested) -> Runs:
    """The finished runs, one row each, in the order of the experiment.

    The table has the columns dataset, method, fraction; masks, those of labelled images and, with
    a budget, of validation images, and also those that a search has seen where it has chosen the
    settings (see `fewmask.report.results.searched_masks`); validation, how many images selected
    weights; test, how many were tested on; seed; tiles, how many of labelled images are trained
    on, if a dataset has tiles; every metric of the requested tasks, shares in [0, 1]; delta_m if
    runs have it; seconds, peak_memory_mb, images_seen of trainings; hours and gpu_hours of all
    jobs, shared ones in full (see `fewmask.report.results.job_costs`); and <metric>_<class>, such
    as iou_pet, for the classes of all datasets. NaN where a value is undefined. All columns but
    those of some runs and of classes exist even without a run.

    Raises:
        FewmaskError: a metrics file, or what a search has left, is damaged; a metrics file
            belongs to another run, or was made with other data than the others of its dataset.
    """
    pattern = Layout(requested.results).metrics
    records: dict[Run, MetricsFile] = {}
    missing, outdated = [], []
    cells = requested.cells()
    trainings = dict(zip(cells, requested.trainings or [None] * len(cells), strict=True))
    for run in requested.runs():
        training = trainings[run.dataset, run.method, run.fraction]
        path = run_file(pattern, run)
        record = read_metrics(run, path) if path.is_file() else None
        if record is None:
            missing.append(path)
        elif not record.is_of(requested, training):
            missing.append(path)
            outdated.append(path)
        else:
            if run.dataset in requested.classes:
                record.check_classes(path, requested.classes[run.dataset])
            records[run] = record
    _check_data(pattern, records)
    qualities = collect_qualities((run, record.pseudo_masks) for run, record in records.items())
    accounts = Accounts(requested.results)
    jobs = {run: accounts.jobs(run, _run_cost(record)) for run, record in records.items()}
    of_searches = {one.names: accounts.jobs_of_search(one) for one in requested.searches}
    table = add_delta_m(requested, _table(requested, records, jobs))
    return Runs(
        table,
        qualities,
        collect_last_weights(records.items()),
        jobs,
        of_searches,
        {run: list(_trainings(record)) for run, record in records.items()},
        missing,
        outdated,
    )


def _check_data(pattern: str, records: dict[Run, MetricsFile]) -> None:
    """Raise FewmaskError where the runs of a dataset are of different data."""
    first: dict[str, Run] = {}
    for run, record in records.items():
        other = first.setdefault(run.dataset, run)
        digests = [one.provenance.digests.get("dataset") for one in (record, records[other])]
        if digests[0] != digests[1]:
            raise FewmaskError(
                f"{run_file(pattern, run)}: made with other data than {run_file(pattern, other)}\n"
                f"  delete the older of the two with the stages of its run, and run the workflow "
                f"again"
            )


def _trainings(record: MetricsFile) -> Iterator[TrainedStage]:
    for stage, settings in zip(record.cost.stages, record.provenance.stages, strict=True):
        yield TrainedStage(stage.cell, settings.evaluation.metric)


def _run_cost(record: MetricsFile) -> RunCost:
    learnt = [quality.stage for quality in record.pseudo_masks]
    return RunCost(record.cost.stages, learnt, record.provenance.gpus)


def that_learn(task: str, runs: pd.DataFrame) -> pd.DataFrame:
    """Those of some runs that learn a task."""
    metric = load(task).judged_by
    return runs[runs[metric].notna()] if metric in runs else runs.iloc[:0]


def _table(
    requested: Requested, records: dict[Run, MetricsFile], jobs: dict[Run, list[JobCost]]
) -> pd.DataFrame:
    leading = ["dataset", "method", "fraction", "masks", "validation", "test", "seed"]
    leading += ["tiles"] if any(record.tiles for record in records.values()) else []
    measured = {name for record in records.values() for name in record.metrics}
    leading += [
        one.name
        for one in metrics.measured_on("test")
        if one.task in requested.tasks or one.name in measured
    ]
    classes = dict.fromkeys(name for record in records.values() for name in record.classes)
    of_classes = [f"{one.name}_{name}" for one in metrics.class_metrics() for name in classes]
    searched = SearchedMasks(requested)
    rows = [
        _row(requested, run, record, searched) | total(jobs[run]) for run, record in records.items()
    ]
    return pd.DataFrame(rows, columns=[*leading, *COST_NAMES, *of_classes])


def _row(
    requested: Requested, run: Run, record: MetricsFile, searched: SearchedMasks
) -> dict[str, object]:
    images = record.images
    validation = images.validation if record.selects else 0
    in_budget = images.validation if run.dataset in requested.budgets else 0
    masks = searched.of_run(run)
    values = dict(record.metrics)
    for name, of_class in record.classes.items():
        values |= {f"{metric}_{name}": value for metric, value in of_class.items()}
    undefined = float("nan")
    return {
        "dataset": run.dataset,
        "method": run.method,
        "fraction": run.fraction,
        "masks": images.labelled + in_budget if masks is None else masks,
        "validation": validation,
        "test": images.test,
        "seed": run.seed,
        "tiles": record.tiles.labelled if record.tiles else undefined,
        **{name: getattr(record.cost, name) for name in TRAINING_COSTS},
        **{name: undefined if value is None else value for name, value in values.items()},
    }
