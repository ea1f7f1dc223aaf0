"""Runs the real Snakemake on a small project."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.workflow import preloaded

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def arguments(folder: Path, *more: str) -> list[str]:
    """The command, as a user gives it from the project's root."""
    return [
        str(BIN / "snakemake"),
        *("--profile", str(ROOT / "profiles" / "local")),
        *("--snakefile", str(ROOT / "workflow" / "Snakefile")),
        *("--directory", str(folder)),
        *more,
    ]


def environment() -> dict[str, str]:
    """Jobs find the command line of this very environment."""
    return os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}


def with_jobs_preloaded() -> dict[str, str]:
    """The same, where jobs have done their imports; for runs that nobody ends."""
    found = environment()
    return found | {"PATH": f"{preloaded.folder()}:{found['PATH']}"}


def snakemake(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake to its end."""
    return subprocess.run(
        arguments(folder, *more),
        cwd=folder,
        env=with_jobs_preloaded(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def start_snakemake(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start Snakemake in a process group of its own, to be killed with `kill_group`."""
    return subprocess.Popen(
        arguments(folder, *more),
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_group(process: subprocess.Popen[str]) -> None:
    """kill -9 of Snakemake and all its jobs."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


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
        [str(BIN / "fewmask"), *arguments], cwd=folder, text=True, capture_output=True
    )
