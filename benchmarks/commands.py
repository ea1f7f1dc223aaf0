"""How long a user waits for the command line."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measurement import Measurement, in_turns
from fewmask.core.cells import Run
from fewmask.core.paths import CONFIG
from fewmask.planning.grid import Grid, load_grid
from fewmask.planning.jobs import jobs

AXES = {
    "methods": ["supervised", "masked_image", "upper_bound"],
    "fractions": ["0.01", "0.02", "0.05", "0.1", "0.2"],
    "datasets": ["oxford_pet", "camvid"],
    "seeds": list(range(334)),
}
"""Of 10,020 runs."""

FAILED, STOPPED = "step 9\nerror: the disk is full\n  mend: free space there\n", "step 9\n"
ERRORS = {1: FAILED, 3: STOPPED}
"""How trainings of runs ended, by the last digit of the run's number; even ones went well."""


def help_text() -> list[Measurement]:
    """fewmask --help."""
    seconds = in_turns({"help": partial(_fewmask, Path(), "--help")}, turns=9)
    return [Measurement("fewmask --help", "start", seconds["help"], 0.4, "s", at_most=True)]


def status() -> list[Measurement]:
    """fewmask status of 10,020 runs: half of them done, others failed, stopped or missing."""
    command = ("status", *(part for one in as_options(AXES) for part in ("--config", one)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(CONFIG, folder / CONFIG)
        number = write_jobs(load_grid(config=AXES), folder)
        seconds = in_turns({"status": partial(_fewmask, folder, *command)})
    what = f"fewmask status, {number:,} runs"
    return [Measurement(what, "start", seconds["status"], 3, "s", at_most=True)]


def as_options(axes: Mapping[str, Any]) -> list[str]:
    """Axes of a grid as ``--config`` takes them."""
    return [f"{key}={value}".replace(" ", "").replace("'", "") for key, value in axes.items()]


def write_jobs(grid: Grid, folder: Path) -> int:
    """The files of runs of all kinds: how many runs there are."""
    for number, run in enumerate(grid.runs):
        if number % 2 == 0:
            _make(grid, run, folder, ("train", "evaluate"))
        elif text := ERRORS.get(number % 10):
            _make(grid, run, folder, ())
            last = [job for job in jobs(grid, run) if job.rule == "train"][-1]
            _write(folder / last.log, text)
    return len(grid.runs)


def _make(grid: Grid, run: Run, folder: Path, rules: Iterable[str]) -> None:
    for job in jobs(grid, run):
        if job.rule in (*rules, "download", "prepare", "split", "fetch_encoder"):
            _write(folder / job.output, "")
            _write(folder / job.log, "step 9\ndone\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _fewmask(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "fewmask.cli", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


BENCHMARKS = [help_text, status]
