"""The jobs that an experiment still has to run, and how long they may take."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import click

from fewmask.cluster.timings import elapsed
from fewmask.config.resources import Resources
from fewmask.core.cells import Run
from fewmask.core.columns import aligned
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import TRAINING
from fewmask.metrics.records import read_training
from fewmask.monitor.plan_warnings import warnings
from fewmask.planning.grid import Grid
from fewmask.planning.jobs import Job, jobs

NOTHING = "–"
HEADER = ("Job", "Dataset", "Method", "Jobs", "Done", "To do", "Minutes", "From", "GPU h", "CPU h")
SIDES = "lllrrrrlrr"

LIMIT, MEASURED = "YAML", "measured"


class Kind(NamedTuple):
    """What the jobs of one row have in common."""

    rule: str
    dataset: str
    method: str
    """The method and its stage, or the encoder; empty for datasets and splits."""


class Estimate(NamedTuple):
    """How long a job may take."""

    minutes: float
    source: str
    """``YAML``: the stage's ``resources.minutes``, a limit. ``measured``: the mean of finished
    jobs."""


@dataclass
class JobGroup:
    """Jobs of one kind."""

    jobs: int = 0
    to_do: int = 0
    estimates: list[Estimate] = field(default_factory=list)
    """Of the jobs to do, as far as known."""
    gpu_hours: float = 0
    """Of the jobs to do; ``cpu_hours`` likewise, of jobs without a GPU."""
    cpu_hours: float = 0
    measured: float | None = None
    """The mean minutes of finished jobs."""

    def add(self, other: "JobGroup") -> None:
        """Add the jobs of another group."""
        self.jobs += other.jobs
        self.to_do += other.to_do
        self.estimates += other.estimates
        self.gpu_hours += other.gpu_hours
        self.cpu_hours += other.cpu_hours


class Plan:
    """The jobs of an experiment: which are to do, and how long each of these may take."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.of_runs = {run: list(jobs(grid, run)) for run in grid.runs}
        self.is_to_do = self._find_what_is_to_do()
        self._minutes = self._measure()

    def _find_what_is_to_do(self) -> dict[Job, bool]:
        """Every job once: its file is missing, and some run without metrics depends on it."""
        is_needed: dict[Job, bool] = {}
        for run, of_run in self.of_runs.items():
            is_done = Path(self.grid.layout.metrics.format(**vars(run))).exists()
            for job in of_run:
                is_needed[job] = is_needed.get(job, False) or not is_done
        return {job: one and not Path(job.output).exists() for job, one in is_needed.items()}

    def _measure(self) -> dict[tuple[Kind, str | None], float]:
        """The mean minutes of finished jobs: of a kind, and of a kind at one fraction."""
        minutes: dict[tuple[Kind, str | None], list[float]] = {}
        for job, is_to_do in self.is_to_do.items():
            if job.stage is None or is_to_do:
                continue
            benchmark = Path(self.grid.layout.benchmark(job.rule, job.cell))
            seconds, source = elapsed(benchmark, _trained_seconds(job))
            if source != "unknown":
                for key in _relations(job):
                    minutes.setdefault(key, []).append(seconds / 60)
        return {key: mean(of_jobs) for key, of_jobs in minutes.items()}

    def resources(self, job: Job) -> Resources | None:
        """The resources that a job requests; None for jobs that depend on no stage."""
        return None if job.stage is None else self.grid.stage(job.stage).resources

    def estimate(self, job: Job) -> Estimate | None:
        """The duration of a job: the mean of other seeds, else of other fractions, else its limit.

        None if nothing is known: only trainings have a limit in YAML.
        """
        for key in _relations(job):
            if key in self._minutes:
                return Estimate(self._minutes[key], MEASURED)
        if job.rule != "train" or job.stage is None:
            return None
        stage = self.grid.stage(job.stage)
        return Estimate(stage.resources.minutes * stage.until, LIMIT)

    def rows(self) -> dict[Kind, JobGroup]:
        """The jobs by kind, rule by rule."""
        rows: dict[Kind, JobGroup] = {}
        for job, is_to_do in self.is_to_do.items():
            rows.setdefault(_kind(job), JobGroup()).add(self._row(job, is_to_do))
        order = list(dict.fromkeys(kind.rule for kind in rows))
        rows = {kind: rows[kind] for kind in sorted(rows, key=lambda one: order.index(one.rule))}
        for kind, row in rows.items():
            row.measured = self._minutes.get((kind, None))
        tables = Path(self.grid.layout.tables) / "summary.csv"
        is_left = any(self.is_to_do.values()) or not tables.exists()
        return rows | {Kind("summarise", "", ""): JobGroup(jobs=1, to_do=int(is_left))}

    def _row(self, job: Job, is_to_do: bool) -> JobGroup:
        estimate, resources = self.estimate(job) if is_to_do else None, self.resources(job)
        if estimate is None or resources is None:
            return JobGroup(1, int(is_to_do))
        hours = estimate.minutes / 60
        cpu_hours = 0 if resources.gpus else hours * resources.cpus
        share = resources.gpu_share if job.rule == "train" else 1
        return JobGroup(1, 1, [estimate], hours * resources.gpus / share, cpu_hours)

    def to_do(self, of_search: bool) -> JobGroup:
        """The jobs to do, and their hours: those of searches, or those of runs."""
        group = JobGroup()
        for job, is_to_do in self.is_to_do.items():
            if is_to_do and bool(job.search) == of_search:
                group.add(self._row(job, True))
        return group

    def hours(self, run: Run | None = None) -> float:
        """Total hours of the jobs to do: of a run with all that it depends on, or of all runs."""
        chosen = self.is_to_do if run is None else self.of_runs[run]
        estimates = (self.estimate(job) for job in chosen if self.is_to_do[job])
        return sum(one.minutes for one in estimates if one is not None) / 60


def _kind(job: Job) -> Kind:
    dataset, *rest = job.cell.split("/")
    if job.rule == "fetch_encoder":
        return Kind(job.rule, "", job.cell)
    if job.stage is None:
        return Kind(job.rule, dataset, job.search)
    return Kind(job.rule, dataset, "/".join([job.search or rest[0], *rest[3:]]))


def _relations(job: Job) -> list[tuple[Kind, str | None]]:
    """The jobs whose durations estimate a job's, nearest first: other seeds, other fractions."""
    if job.stage is None:
        return []
    kind = _kind(job)
    # Trainings whose length is given in epochs are longer at larger fractions.
    return [(kind, job.cell.split("/")[2]), (kind, None)]


def _trained_seconds(job: Job) -> float | None:
    """The seconds that a finished training measured itself."""
    if job.rule != "train":
        return None
    path = Path(job.output).with_name(TRAINING)
    if not path.exists():
        return None
    try:
        return read_training(path).seconds
    except FewmaskError as error:
        click.echo(error, err=True)
        return None


def print_plan(grid: Grid, at_once: int | None = None) -> None:
    """Print the table of jobs, their total, and the resources of the largest job.

    ``at_once``: also estimate the duration with so many jobs at a time.
    """
    for warning in warnings(grid):
        click.echo(f"warning: {warning}\n", err=True)
    plan = Plan(grid)
    rows = plan.rows()
    total = JobGroup()
    for row in rows.values():
        total.add(row)
    lines = [HEADER, *(_cells(kind, row) for kind, row in rows.items())]
    lines.append(_cells(Kind("total", "", ""), total))
    for line in aligned(lines, SIDES):
        click.echo(line)
    for note in _notes(plan, rows, total, at_once):
        click.echo(note)


def _cells(kind: Kind, row: JobGroup) -> tuple[str, ...]:
    minutes, sources = row.measured, {MEASURED}
    if row.estimates:
        minutes = mean(one.minutes for one in row.estimates)
        sources = {one.source for one in row.estimates}
    estimate = NOTHING, NOTHING
    if minutes is not None:
        estimate = f"{minutes:.1f}", ", ".join(sorted(sources))
    hours = [f"{one:.2f}" if one else NOTHING for one in (row.gpu_hours, row.cpu_hours)]
    counts = map(str, (row.jobs, row.jobs - row.to_do, row.to_do))
    return (*kind, *counts, *(estimate if kind.rule != "total" else ("", "")), *hours)


def _notes(
    plan: Plan, rows: dict[Kind, JobGroup], total: JobGroup, at_once: int | None
) -> Iterator[str]:
    yield ""
    if not total.to_do:
        yield "Nothing to do, unless settings were changed: see snakemake --dry-run."
        return
    sources = {one.source for one in total.estimates}
    if LIMIT in sources:
        yield f"{LIMIT}: the stage's resources.minutes, a limit; jobs may take much less."
    if MEASURED in sources:
        yield f"{MEASURED}: the mean of finished jobs, of the same label fraction if there are any."
    unknown = [kind.rule for kind, row in rows.items() if row.to_do > len(row.estimates)]
    if unknown:
        yield f"No estimate, not counted: {', '.join(dict.fromkeys(unknown))}."
    if plan.grid.searches:
        parts = plan.to_do(of_search=True), plan.to_do(of_search=False)
        yield f"Search: {_part(parts[0])}; runs: {_part(parts[1])}."
    yield from _largest(plan.resources(job) for job, is_to_do in plan.is_to_do.items() if is_to_do)
    if at_once:
        longest = max(map(plan.hours, plan.of_runs))
        hours = max(plan.hours() / at_once, longest)
        yield (
            f"With {at_once} jobs at a time: about {_time(hours)} "
            f"(the longest run, one job after another: {_time(longest)})."
        )


def _part(group: JobGroup) -> str:
    hours = {"GPU h": group.gpu_hours, "CPU h": group.cpu_hours}
    amounts = [f"{value:.2f} {unit}" for unit, value in hours.items() if value]
    return f"{group.to_do} jobs to do, {', '.join(amounts) or 'no estimate'}"


def _time(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"


def _largest(resources: Iterable[Resources | None]) -> Iterator[str]:
    known = [one for one in resources if one is not None]
    if known:
        memory, cpus, gpus = (
            max(getattr(one, name) for one in known) for name in ("memory_gb", "cpus", "gpus")
        )
        yield f"Per job at most: {memory:g} GB of memory, CPU cores: {cpus}, GPUs: {gpus}."
