"""How long a stopped training takes to resume."""

import json
import subprocess
import sys

from benchmarks.measurement import Measurement
from benchmarks.project import CORES, project
from fewmask.core.cells import Run
from fewmask.planning.job_arguments import JobArguments

TURNS = 5


def pet_64() -> list[Measurement]:
    """From a checkpoint to the first new step, U-Net ResNet-18, 64 px: seconds after the imports.

    Each time is that of a new process. Told are the step's beginning and its end.
    """
    run = Run("oxford_pet_64", "supervised", "n200", 0)
    with project("pet_supervised", run) as made:
        [key] = made.grid.stages(run)
        inputs = {name: path and str(path) for name, path in vars(made.inputs(key)).items()}
        folder = made.grid.layout.stage_folder(key, run.seed)
        settings = json.dumps([JobArguments(made.grid).train_settings(key), inputs, folder, CORES])
        command = [sys.executable, "-m", "benchmarks.resumed", settings]
        moments = [_seconds(command) for _ in range(1 + TURNS)][1:]  # the first has no checkpoint
    begun, done = zip(*moments, strict=True)
    what = "going on from a checkpoint, U-Net ResNet-18, 64 px"
    return [
        Measurement(f"{what}: first new step begins", "imports done", begun, 1, "s", at_most=True),
        Measurement(f"{what}: first new step done", "imports done", done, unit="s"),
    ]


def _seconds(command: list[str]) -> tuple[float, float]:
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return tuple(json.loads(found))


BENCHMARKS = [pet_64]
