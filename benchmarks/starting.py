"""How long a training takes to its first step, from the start and after it was stopped."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.measurement import Measurement
from benchmarks.project import CORES, project
from fewmask.core.cells import Run
from fewmask.core.paths import CHECKPOINT
from fewmask.planning.job_arguments import JobArguments

TURNS = 5


class Moments(NamedTuple):
    """Moments of a training's process, in seconds of one clock for all processes."""

    started: float
    imported: float
    begun: float
    """The first step that it trains begins."""
    done: float
    """That step is done."""


def pet_64() -> list[Measurement]:
    """From the start of a training's process to its first step, and from a checkpoint: U-Net
    ResNet-18, 64 px.

    Each time is that of a new process, which ends after one step and saves a checkpoint.
    """
    run = Run("oxford_pet_64", "supervised", "n200", 0)
    with project("pet_supervised", run) as made:
        [key] = made.grid.stages(run)
        inputs = {name: path and str(path) for name, path in vars(made.inputs(key)).items()}
        folder = made.grid.layout.stage_folder(key, run.seed)
        settings = json.dumps([JobArguments(made.grid).train_settings(key), inputs, folder, CORES])
        command = [sys.executable, "-m", "benchmarks.started", settings]
        first, resumed = [], []
        for _ in range(TURNS):
            Path(folder, CHECKPOINT).unlink(missing_ok=True)
            first.append(_moments(command))
            resumed.append(_moments(command))
    what = "U-Net ResNet-18, 64 px"
    start, go_on = f"a training starts, {what}", f"going on from a checkpoint, {what}"
    to_imports = [one.imported - one.started for one in first]
    to_first = [one.begun - one.started for one in first]
    to_next = [one.begun - one.imported for one in resumed]
    to_its_end = [one.done - one.imported for one in resumed]
    return [
        Measurement(f"{start}: imports done", "start", to_imports, unit="s"),
        Measurement(f"{start}: first step begins", "start", to_first, 10, "s", at_most=True),
        Measurement(
            f"{go_on}: first new step begins", "imports done", to_next, 1, "s", at_most=True
        ),
        Measurement(f"{go_on}: first new step done", "imports done", to_its_end, unit="s"),
    ]


def _moments(command: list[str]) -> Moments:
    started = time.monotonic()
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Moments(started, *json.loads(found))


BENCHMARKS = [pet_64]
