"""How tables and figures grow with the number of runs, from synthetic files of an evaluation."""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from itertools import product
from pathlib import Path

import numpy as np
from tests.report.synthetic_runs import requested, write_history, write_run

from benchmarks.measurement import Measurement
from fewmask.core.cells import Run
from fewmask.planning.requested import Requested

SEEDS, TEST_IMAGES = 5, 100
KILOBYTES = 2**10


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
    """The time of `fewmask summarise` as the workflow runs it, with its peak memory as a detail."""
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
        ]
        seconds, megabytes = _timed(command, Path(folder))
    what = f"fewmask summarise, {number:,} runs"
    details = {"peak_memory_mb": megabytes}
    return [Measurement(what, "start", [seconds], target, "s", at_most=True, details=details)]


def _write(experiment: Requested) -> int:
    """The files of all runs, below the current folder: how many runs there are."""
    random = np.random.default_rng(0)
    runs = [Run(*cell, seed) for cell, seed in product(experiment.cells(), experiment.seeds)]
    for run in runs:
        cell = f"{run.dataset}/{run.method}/{run.fraction}/{run.seed}/supervised"
        stage, training = write_history(cell, [0.1, 0.3, 0.5])
        write_run(
            **vars(run),
            images=random.uniform(0.2, 0.9, TEST_IMAGES).round(3).tolist(),
            labelled=int(run.fraction[1:]),
            stages=[stage],
            trainings=[training],
        )
    return len(runs)


def _timed(command: list[str], folder: Path) -> tuple[float, float]:
    """The seconds and the peak memory in MB of a command."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - started, usage.ru_maxrss / KILOBYTES


BENCHMARKS = [runs_100, runs_1000, runs_10000]
