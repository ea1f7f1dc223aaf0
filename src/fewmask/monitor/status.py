"""The status of every run, read from files and SLURM's queue."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Literal

import click

from fewmask.cluster.job_log import DONE, ERROR, is_held, is_open
from fewmask.cluster.slurm import QueuedJob, comment_of, queued_jobs
from fewmask.core.cells import Run
from fewmask.core.columns import padded
from fewmask.monitor.outdated import RequestedSettings
from fewmask.planning.grid import Grid
from fewmask.planning.jobs import Job, jobs

State = Literal["done", "running", "waiting", "failed", "outdated", "missing"]
COLOURS: dict[State, str] = {
    "done": "green",
    "running": "blue",
    "waiting": "cyan",
    "failed": "red",
    "outdated": "magenta",
    "missing": "yellow",
}


@dataclass(frozen=True)
class Status:
    """The state of a run; if it failed or waits, the reason and the log; if it is outdated, the
    first file that was made with other settings."""

    state: State
    reason: str = ""
    log: str = ""
    file: str = ""


def statuses(grid: Grid) -> dict[Run, Status]:
    """The status of every run of a grid.

    The first job of a run whose output is missing decides: in SLURM's queue it is waiting or
    running; with a log that a process holds it is running; with a log that does not end well it
    failed. So the metrics of an earlier training do not hide that a new one failed. A run with
    metrics is done even if its other files were deleted. A run is outdated if its weights or
    metrics were made with other settings than the requested ones.
    """
    requested = RequestedSettings(grid)
    queued = {job.comment: job for job in queued_jobs(Path.cwd())}
    status_of = cache(partial(_status_of, queued, requested))

    def status(run: Run) -> Status:
        of_jobs = next((s for job in jobs(grid, run) if (s := status_of(job))), Status("done"))
        metrics = Path(grid.layout.metrics.format(**vars(run)))
        if of_jobs.state != "missing" or not metrics.exists():
            return of_jobs
        if requested.is_other_evaluation(metrics, run):
            return Status("outdated", file=str(metrics))
        return Status("done")

    return {run: status(run) for run in grid.runs}


def _status_of(
    queued: dict[str, QueuedJob], requested: RequestedSettings, job: Job
) -> Status | None:
    """What a job without output says about its run; None if its output is there and up to date."""
    output = Path(job.output)
    if output.exists():
        is_outdated = job.rule == "train" and requested.is_other_training(output, job.stage)
        return Status("outdated", file=job.output) if is_outdated else None
    if in_queue := queued.get(comment_of(job.rule, job.cell)):
        return Status(in_queue.state, in_queue.reason, job.log)
    log = Path(job.log)
    if not log.exists():
        return Status("missing")
    if not log.is_file():
        return Status("failed", "its log is not a file; delete it", job.log)
    if is_held(log):
        return Status("running", log=job.log)
    lines = [line for line in map(_printable, log.read_text(errors="replace").splitlines()) if line]
    if is_held(log) or (not lines and is_open(log)):  # it has just started, or is about to
        return Status("running", log=job.log)
    if not lines:
        return Status("failed", "stopped before it wrote anything to its log; killed?", job.log)
    if lines[-1] == DONE:
        return Status("missing")  # it went well, and its output was deleted since
    errors = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
    reason = errors[-1] if errors else f"stopped without a message; its last line: {lines[-1]}"
    return Status("failed", reason, job.log)


def _printable(line: str) -> str:
    """A line of a log without control characters and escape sequences."""
    return "".join(c for c in click.unstyle(line) if c.isprintable()).strip()


def print_status(
    grid: Grid, only_failed: bool = False, targets: bool = False, outdated: bool = False
) -> None:
    """Print the status of every run.

    Args:
        only_failed: of failed runs only.
        targets: print instead the files to request from snakemake for the unfinished runs.
        outdated: print instead the files to pass to its --forcerun for the outdated runs.
    """
    of_runs = statuses(grid)
    if outdated:
        for file in outdated_files(of_runs):
            click.echo(file)
        return
    if only_failed:
        of_runs = {run: status for run, status in of_runs.items() if status.state == "failed"}
    if targets:
        for run, status in of_runs.items():
            if status.state != "done":
                click.echo(grid.layout.metrics.format(**vars(run)))
        return
    for line in overview(of_runs):
        click.echo(line)
    for line in [*waiting(of_runs), *reasons(of_runs), *mend_of_outdated(of_runs)]:
        click.echo(line)
    counts = {state: sum(s.state == state for s in of_runs.values()) for state in COLOURS}
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items()))


def overview(of_runs: dict[Run, Status]) -> Iterator[str]:
    """A line for every dataset, method and fraction: which seeds are in which state."""
    seeds: dict[tuple[str, str, str], dict[State, list[int]]] = {}
    for run, status in of_runs.items():
        cell = seeds.setdefault((run.dataset, run.method, run.fraction), {})
        cell.setdefault(status.state, []).append(run.seed)
    for cell, states in zip(padded(list(seeds)), seeds.values(), strict=True):
        parts = [
            click.style(f"{state}: {' '.join(map(str, states[state]))}", fg=COLOURS[state])
            for state in COLOURS
            if state in states
        ]
        yield "  ".join([*cell, *parts])


def waiting(of_runs: dict[Run, Status]) -> Iterator[str]:
    """The reasons for which runs wait in SLURM's queue, as SLURM states them."""
    reasons = Counter(status.reason for status in of_runs.values() if status.state == "waiting")
    if reasons:
        named = ", ".join(f"{reason} ({count})" for reason, count in reasons.items())
        yield f"\nwaiting in SLURM's queue for: {named}\n"


def reasons(of_runs: dict[Run, Status]) -> Iterator[str]:
    """Why runs failed; runs that failed because of the same job are listed together."""
    failed: dict[Status, list[Run]] = {}
    for run, status in of_runs.items():
        if status.state == "failed":
            failed.setdefault(status, []).append(run)
    for status, runs in failed.items():
        first = f"{runs[0].dataset} {runs[0].method} {runs[0].fraction} seed {runs[0].seed}"
        more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
        yield f"\n{first}{more} failed: {status.reason}\n  log: {status.log}"
    if failed:
        yield ""


def outdated_files(of_runs: dict[Run, Status]) -> list[str]:
    """The files that must be made again, each once; whatever depends on them follows."""
    return list(dict.fromkeys(s.file for s in of_runs.values() if s.state == "outdated"))


def mend_of_outdated(of_runs: dict[Run, Status]) -> Iterator[str]:
    """What outdated runs are, and how to run them again."""
    if files := outdated_files(of_runs):
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        yield (
            f"\noutdated: made with other settings than the requested ones: {files[0]}{more}\n"
            f"  snakemake makes them again; if it says that there is nothing to do, pass them\n"
            f"  to it: --forcerun $(fewmask status --outdated)\n"
        )
