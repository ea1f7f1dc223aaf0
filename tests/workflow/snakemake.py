"""Runs the real Snakemake on a small project."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.processes import end_within
from tests.workflow import preloaded

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def arguments(folder: Path, *more: str) -> list[str]:
    """The command, as a user gives it from the project's root."""
    return [
        "snakemake",
        *("--profile", str(ROOT / "profiles" / "local")),
        *("--snakefile", str(ROOT / "workflow" / "Snakefile")),
        *("--directory", str(folder)),
        *more,
    ]


def environment() -> dict[str, str]:
    """Commands and their jobs are those of this very environment."""
    return _with_path(BIN)


def preloaded_environment() -> dict[str, str]:
    """The same, and both have done their imports: for commands that nobody ends."""
    return _with_path(preloaded.everything())


def with_jobs_preloaded() -> dict[str, str]:
    """The same, where jobs except trainings have done their imports: for tests that end the command
    while it trains."""
    return _with_path(preloaded.jobs_but_trainings())


def _with_path(folder: Path) -> dict[str, str]:
    return os.environ | {"PATH": f"{folder}:{BIN}:{os.environ['PATH']}"}


def snakemake(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake to its end."""
    return subprocess.run(
        arguments(folder, *more),
        cwd=folder,
        env=preloaded_environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def start_snakemake(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start Snakemake in a process group of its own, to be killed with `kill_group` while it
    trains."""
    return subprocess.Popen(
        arguments(folder, *more),
        cwd=folder,
        env=with_jobs_preloaded(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_group(process: subprocess.Popen[str]) -> None:
    """kill -9 of Snakemake and all its jobs; they are gone, with their locks, when it returns."""
    jobs = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert end_within(60, jobs)


def planned(folder: Path, *more: str) -> dict[str, int]:
    """How many jobs of each rule a dry run plans; without the target rules."""
    answer = snakemake(folder, "--dry-run", *more)
    assert answer.returncode == 0, answer.stdout
    return job_counts(answer.stdout)


def job_counts(output: str) -> dict[str, int]:
    """The table of jobs that Snakemake prints before it starts."""
    table = output.partition("Job stats:")[2].partition("\n\n")[0]
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.M)}
    return {rule: count for rule, count in counts.items() if rule not in ("all", "total")}


def fewmask(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a fewmask command in the project."""
    return subprocess.run(
        ["fewmask", *arguments],
        cwd=folder,
        env=preloaded_environment(),
        text=True,
        capture_output=True,
    )
