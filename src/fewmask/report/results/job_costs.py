"""What the jobs of runs took, from whichever source knows it best."""

from collections.abc import Iterable
from math import ceil
from pathlib import Path
from typing import NamedTuple

from fewmask.cluster.slurm import accounted_jobs, comment_of
from fewmask.cluster.timings import Source, elapsed
from fewmask.core.cells import Run
from fewmask.core.paths import TRAINING, Layout
from fewmask.metrics.records import TrainingRecord, read_training
from fewmask.planning.requested_search import RequestedSearch
from fewmask.planning.search.ranking import RankedTrial, read_ranking
from fewmask.report.results.metrics_file import StageCost

HOUR = 3600


class RunCost(NamedTuple):
    """What a metrics file states about the jobs of a run."""

    stages: list[StageCost]
    learnt: list[str]
    """The stages whose pseudo-masks other stages learnt from, as METHOD/STAGE."""
    gpus: int
    """Of the evaluation."""


class JobCost(NamedTuple):
    """The cost of one job."""

    name: str
    """Its rule and cell. Runs that share a job have the same one."""
    seconds: float
    gpu_seconds: float
    source: Source


class Accounts:
    """The costs of the jobs of an experiment, from the best source for each."""

    def __init__(self, results: str) -> None:
        self._layout = Layout(results)
        self._accounted = accounted_jobs(Path.cwd())

    def jobs(self, run: Run, cost: RunCost) -> list[JobCost]:
        """The trainings of a run, its evaluation, and its pseudo-labelling if another stage learns
        from it."""
        run_cell = self._layout.run_cell.format(**vars(run))
        by_name = {_method_and_stage(stage.cell): stage for stage in cost.stages}
        learnt = [by_name[name] for name in cost.learnt if name in by_name]
        return [
            *(self._job("train", one.cell, one.gpus, one.seconds) for one in cost.stages),
            *(self._job("pseudo_label", one.cell, _of_one(one.gpus)) for one in learnt),
            self._job("evaluate", run_cell, cost.gpus),
        ]

    def jobs_of_search(self, search: RequestedSearch) -> list[JobCost]:
        """The trainings and pseudo-labellings of the rungs that are ranked.

        Raises FewmaskError: a ranking, or the record of a training, is damaged.
        """
        jobs: list[JobCost] = []
        below: dict[int, RankedTrial] = {}
        for path in map(Path, search.rankings(self._layout)):
            if not path.exists():
                break
            trials = read_ranking(path).trials
            for trial in trials:
                for seed in search.seeds:
                    earlier = below.get(trial.trial)
                    jobs += self._jobs_of_trial(search, trial, seed, earlier)
            below = {one.trial: one for one in trials}
        return jobs

    def _jobs_of_trial(
        self, search: RequestedSearch, trial: RankedTrial, seed: int, below: RankedTrial | None
    ) -> list[JobCost]:
        def cell(stage: str, of: RankedTrial) -> str:
            return stage.format(trained_as=of.trained_as, seed=seed)

        jobs = []
        for stage in search.stages if below is None else search.stages[-1:]:
            record, before = self._record(cell(stage, trial)), None
            if below is not None:  # whose seconds its training goes on to count
                before = self._record(cell(stage, below))
            trained = record and max(0.0, record.seconds - (before.seconds if before else 0))
            gpus = record.gpus if record else 0
            jobs.append(self._job("train", cell(stage, trial), gpus, trained))
            if below is None and stage in search.labellers:
                jobs.append(self._job("pseudo_label", cell(stage, trial), _of_one(gpus)))
        return jobs

    def _record(self, cell: str) -> TrainingRecord | None:
        path = Path(self._layout.stage_of(cell)) / TRAINING
        return read_training(path) if path.exists() else None

    def _job(self, rule: str, cell: str, gpus: float, trained: float | None = None) -> JobCost:
        name, spent = f"{rule}/{cell}", self._accounted.get(comment_of(rule, cell))
        if spent is not None:
            # Not every site's accounting records GPUs.
            gpu_seconds = spent.gpu_seconds or spent.seconds * gpus
            return JobCost(name, spent.seconds, gpu_seconds, "accounting")
        seconds, source = elapsed(Path(self._layout.benchmark(rule, cell)), trained)
        return JobCost(name, seconds, seconds * gpus, source)


def _of_one(gpus: float) -> int:
    """The GPUs of a job of one process, given those of a training, which may share one."""
    return min(1, ceil(gpus))


def _method_and_stage(cell: str) -> str:
    _, *rest = cell.split("/")
    return "/".join([*rest[:1], *rest[-1:]])


def total(jobs: Iterable[JobCost]) -> dict[str, float]:
    """The ``hours`` and ``gpu_hours`` of jobs."""
    jobs = list(jobs)
    return {
        "hours": sum(job.seconds for job in jobs) / HOUR,
        "gpu_hours": sum(job.gpu_seconds for job in jobs) / HOUR,
    }
