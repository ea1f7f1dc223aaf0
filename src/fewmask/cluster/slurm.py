"""What SLURM knows of the jobs of a folder; nothing where there is no SLURM.

Both executors name every job that they submit by ``NAME_PREFIX`` and a number of their own (a
setting of the profiles). Snakemake's executor for SLURM writes the rule and its wildcards to the
job's comment; the one for submitit writes them to a file of the array's name, one line a job, with
tabs between the trainings that share a job and its GPU. Files beside it say which of these ended.
"""

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

NAME_PREFIX = "fewmask_"

ARRAYS = Path(".snakemake/submitit/names")
"""The folder of the files of arrays."""

SIDE_BY_SIDE = "SUBMITIT_SIDE_BY_SIDE"
"""The environment variable by which the executor for submitit tells a training how many share its
GPU."""

EARLIEST = "now-365days"
"""How far back accounting is queried: a longer time makes it slow."""

PATIENCE = 180
"""Seconds that cancelled jobs have to save their checkpoints and end."""


def comment_of(rule: str, cell: str) -> str:
    """The comment of the job that runs a rule for a cell like ``pet/supervised/n20/0``."""
    return f"rule_{rule}_wildcards_{cell.replace('/', '_')}"


@dataclass(frozen=True)
class QueuedJob:
    """A job that waits or runs."""

    number: str
    comment: str
    state: Literal["waiting", "running"]
    reason: str
    """Why it waits, as SLURM names it: Priority, Resources, ..."""


def queued_jobs(folder: Path) -> list[QueuedJob]:
    """The jobs that were submitted from a folder and that wait or run now.

    Empty where there is no SLURM, or where it does not answer.
    """
    if shutil.which("squeue") is None:
        return []
    form = "%i|%T|%r|%Z|%j|%k"
    query = ["squeue", "--me", "--array", "--noheader", f"--format={form}"]
    answer = subprocess.run(query, capture_output=True, text=True)
    jobs = []
    for line in answer.stdout.splitlines():
        number, state, reason, work_folder, name, comment = line.split("|", 5)
        if name.startswith(NAME_PREFIX) and Path(work_folder) == folder.resolve():
            is_waiting = state in ("PENDING", "REQUEUED", "CONFIGURING", "SUSPENDED")
            kind = "waiting" if is_waiting else "running"
            jobs += [
                QueuedJob(number, one.comment, kind, reason)
                for one in _sharing(folder, name, number, comment)
                if not (one.is_there("done") or one.is_there("failed"))
            ]
    return jobs


@dataclass(frozen=True)
class _Shared:
    """One of the jobs of Snakemake that share a job of SLURM; or the only one."""

    comment: str
    files: Path | None = None
    """Those that say how it has ended, without ending; None for an only one: SLURM says it."""

    def is_there(self, ending: str) -> bool:
        """Whether it has the file with that ending."""
        return (
            self.files is not None and self.files.with_name(f"{self.files.name}.{ending}").exists()
        )


def _sharing(folder: Path, name: str, number: str, comment: str | None) -> list[_Shared]:
    """The jobs of Snakemake that a job of SLURM, or of an array, consists of; none if there is
    neither a file of the array nor a comment."""
    names = _names(folder / ARRAYS / f"{name}.txt")
    index = int(number.partition("_")[2] or 0)
    comments = names[index].split("\t") if names else [comment] if comment else []
    if len(comments) == 1:
        return [_Shared(comments[0])]
    files = [folder / ARRAYS / f"{name}.{index}.{place}" for place in range(len(comments))]
    return [_Shared(*pair) for pair in zip(comments, files, strict=True)]


@cache
def _names(path: Path) -> list[str]:
    """The lines of an array's file, which is written once, before the array is sent."""
    return path.read_text().splitlines() if path.exists() else []


def cancel(jobs: list[QueuedJob], folder: Path) -> None:
    """Cancel jobs and wait until they are gone: trainings save their checkpoints first."""
    numbers = {job.number for job in jobs}
    subprocess.run(["scancel", *sorted(numbers)], check=False)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and numbers & {job.number for job in queued_jobs(folder)}:
        time.sleep(1)


@dataclass(frozen=True)
class Spent:
    """The time that all tries of a job took together."""

    seconds: float
    gpu_seconds: float


def accounted_jobs(folder: Path) -> dict[str, Spent]:
    """The time that the jobs of a folder took, by their comment: all tries, also requeued ones.

    A try that follows a completed one starts the count anew, for it makes a new result. The GPUs of
    a job that trainings share count once, in equal parts. Empty where there is no accounting.
    """
    if shutil.which("sacct") is None:
        return {}
    fields = "Start,State,ElapsedRaw,AllocTRES,JobID,JobName,WorkDir,SubmitLine"
    answer = subprocess.run(
        [
            *("sacct", "--allocations", "--duplicates", "--parsable2", "--noheader"),
            *(f"--starttime={EARLIEST}", f"--format={fields}"),
        ],
        capture_output=True,
        text=True,
    )
    spent: dict[str, Spent] = {}
    completed: set[str] = set()
    for line in sorted(answer.stdout.splitlines()):
        _, state, seconds, resources, number, name, work_folder, submitted = line.split("|", 7)
        if not name.startswith(NAME_PREFIX) or Path(work_folder) != folder.resolve():
            continue
        comment = re.search(r"--comment '?([^\s']+)", submitted)
        sharing = _sharing(folder, name, number, comment and comment[1])
        gpus = re.search(r"gres/gpu=(\d+)", resources)
        for job in sharing:
            gpu_seconds = float(seconds) * int(gpus[1] if gpus else 0) / len(sharing)
            before = spent.get(job.comment)
            if before is None or job.comment in completed:
                before = Spent(0, 0)
            spent[job.comment] = Spent(
                before.seconds + float(seconds), before.gpu_seconds + gpu_seconds
            )
            # Of those that share a failed job, some may have ended well.
            ended_well = state == "COMPLETED" or (state == "FAILED" and job.is_there("done"))
            (completed.add if ended_well else completed.discard)(job.comment)
    return spent
