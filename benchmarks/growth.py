"""How planning, status, tables and figures grow with the number of runs.

CPU time and peak memory of one process each; tables and figures are made of synthetic files.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tests.report.synthetic_runs import changed_examples, requested, write_history, write_run

from benchmarks.commands import AXES, as_options, write_jobs
from benchmarks.measurement import Measurement
from fewmask.core.cells import Run
from fewmask.core.paths import CONFIG, HISTORY, TRAINING, Layout
from fewmask.metrics.records import DIGEST, write_record
from fewmask.planning.grid import load_grid
from fewmask.planning.requested import Requested
from fewmask.report.results.runs import run_file

SEEDS, TEST_IMAGES, EVALUATIONS = 5, 100, 20
SHOWN = [*["fixed"] * 4, *["worst"] * 2, *["median"] * 2]
"""Why a run's example images were chosen, as an evaluation does."""
GROWING = 3, 33, 334, 1667
"""Numbers of seeds."""
DIFFERENT = 20
"""How many ways there are in which runs do well."""
MEASURED = """\
import json, resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
elapsed = time.perf_counter() - began
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**10]))
"""
"""Runs a command from a process of a few MB: what a process has that starts a program counts as the
program's peak, too."""


def plans() -> list[Measurement]:
    """The plan (snakemake -n --quiet) of 90, 990, 10,020 and 50,010 runs."""
    snakefile = Path("workflow/Snakefile").resolve()
    snakemake = ["-m", "snakemake", "--cores", "all", "--dry-run", "--quiet"]
    snakemake += ["--snakefile", str(snakefile), "--config"]
    return _of_grids("snakemake -n --quiet", snakemake)


def status() -> list[Measurement]:
    """fewmask status of 90, 990, 10,020 and 50,010 runs, half of them done."""
    command = ["-m", "fewmask.cli", "status"]
    return _of_grids("fewmask status", command)


def _of_grids(what: str, command: list[str]) -> list[Measurement]:
    return [one for seeds in GROWING for one in _of_grid(what, command, seeds)]


def _of_grid(what: str, command: list[str], seeds: int) -> list[Measurement]:
    """A command on a grid of so many seeds, of each of which there are 30 runs.

    The command ends with ``--config`` where that takes all axes, else each has one of its own.
    """
    axes = AXES | {"seeds": list(range(seeds))}
    options = as_options(axes)
    if command[-1] != "--config":
        options = [part for one in options for part in ("--config", one)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(CONFIG, folder / CONFIG)
        grid = load_grid(config=axes)
        number = write_jobs(grid, folder) if "status" in command else len(grid.runs)
        return _measured(f"{what}, {number:,} runs", [sys.executable, *command, *options], folder)


def runs_100() -> list[Measurement]:
    """Tables and figures of 100 runs: 1 dataset, 5 methods, 4 fractions, 5 seeds."""
    return _summarise(datasets=1, methods=5, fractions=4)


def runs_1000() -> list[Measurement]:
    """The same of 1,000 runs: 2 datasets, 20 methods, 5 fractions, 5 seeds."""
    return _summarise(datasets=2, methods=20, fractions=5)


def runs_10000() -> list[Measurement]:
    """The same of 10,000 runs: 10 datasets, 25 methods, 8 fractions, 5 seeds."""
    return _summarise(datasets=10, methods=25, fractions=8, target=60)


def _summarise(
    datasets: int, methods: int, fractions: int, target: float | None = None
) -> list[Measurement]:
    """What `fewmask summarise` takes as the workflow runs it, with four processors if they are
    there."""
    experiment = requested(
        datasets=[f"dataset_{i}" for i in range(datasets)],
        methods=[f"method_{i}" for i in range(methods)],
        fractions=[f"n{10 * 2**i}" for i in range(fractions)],
        seeds=list(range(SEEDS)),
    )
    with tempfile.TemporaryDirectory() as folder:
        with chdir(folder):
            number = _write(experiment)
            Path("experiment.json").write_text(experiment.as_json())
        command = [
            *(sys.executable, "-m", "fewmask.cli", "summarise"),
            *("--experiment", "experiment.json", "--tables", "tables", "--figures", "figures"),
            *("--processes", str(min(4, os.cpu_count() or 1))),
        ]
        return _measured(f"fewmask summarise, {number:,} runs", command, Path(folder), target)


def _measured(
    what: str, command: list[str], folder: Path, target: float | None = None
) -> list[Measurement]:
    """The rows of a command's time, with its target, of its CPU time and of its peak memory."""
    elapsed, seconds, megabytes = timed(command, folder)
    return [
        Measurement(what, "start", [elapsed], target, "s", at_most=True),
        Measurement(f"{what}: CPU time", "start", [seconds], unit="s"),
        Measurement(f"{what}: peak memory", "start", [megabytes], unit="MB"),
    ]


def _write(experiment: Requested) -> int:
    """The files of all runs, below the current folder: how many runs there are.

    Each has metrics and images of its own, of `DIFFERENT` ways to do well; the rest is the same of
    all, as links to one file: so that 10,000 runs are there in seconds.
    """
    random = np.random.default_rng(0)
    ways = [_way(random, f"way_{i}") for i in range(DIFFERENT)]
    runs = experiment.runs()
    layout = Layout(experiment.results)
    for run, way in zip(runs, random.integers(DIFFERENT, size=len(runs)), strict=True):
        record, images, examples, folder = ways[way]
        cell = f"{run.dataset}/{run.method}/{run.fraction}/{run.seed}/supervised"
        cost = record["cost"] | {"stages": [record["cost"]["stages"][0] | {"cell": cell}]}
        counts = record["images"] | {"labelled": int(run.fraction[1:])}
        path = run_file(layout.metrics, run)
        write_record(path, record | vars(run) | {"images": counts, "cost": cost})
        _link(images, run_file(layout.images, run))
        _link(examples, run_file(layout.examples, run))
        for name in (HISTORY, TRAINING):
            _link(folder / name, Path(layout.stage_of(cell), name))
    return len(runs)


class _Way(NamedTuple):
    """How well a run can do."""

    record: dict[str, Any]
    """Its metrics file, without the digest."""
    images: Path
    examples: Path
    stage: Path
    """The folder of its training."""


def _way(random: np.random.Generator, name: str) -> _Way:
    cell = f"{name}/supervised/n10/0/supervised"
    stage, training = write_history(cell, random.uniform(0.1, 0.9, EVALUATIONS).round(3))
    images = random.uniform(0.2, 0.9, TEST_IMAGES).round(3).tolist()
    shown = {"names": list(map(str, range(len(SHOWN)))), "extents": [(24, 24)] * len(SHOWN)}
    path = write_run(name, images=images, stages=[stage], trainings=[training], **shown)
    with changed_examples(path.with_suffix(".examples.h5")) as file:
        del file["choice"]
        file["choice"] = SHOWN
    record = json.loads(path.read_text())
    del record[DIGEST]
    layout, run = Layout(), Run(name, "supervised", "n10", 0)
    files = (run_file(pattern, run) for pattern in (layout.images, layout.examples))
    return _Way(record, *files, Path(layout.stage_of(cell)))


def _link(existing: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.hardlink_to(existing)


def timed(command: list[str], folder: Path) -> tuple[float, float, float]:
    """The seconds that a command takes, those of all processors, and its peak memory in MB."""
    one_core = os.environ | {"OMP_NUM_THREADS": "1"}
    measured = [sys.executable, "-c", MEASURED, *command]
    return tuple(json.loads(subprocess.check_output(measured, cwd=folder, env=one_core)))


BENCHMARKS = [plans, status, runs_100, runs_1000, runs_10000]
