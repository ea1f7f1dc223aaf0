"""The process that `benchmarks.starting` times: a training's job, stopped after one step.

    python -m benchmarks.started '[settings, inputs, output, threads]'

prints when its imports were done, when its first step began, and when that was done, in seconds of
the system's monotonic clock.
"""

import json
import signal
import sys
import time
from pathlib import Path

from fewmask.config.layers import from_json
from fewmask.config.stage import TrainingSettings
from fewmask.training.execution import Execution
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from fewmask.training.loop import Training


def main() -> None:
    """Train for one step, then stop like a job that SLURM stops, which saves a checkpoint."""
    imported = time.monotonic()
    settings, files, output, threads = json.loads(sys.argv[1])
    inputs = Inputs(**{name: path and Path(path) for name, path in files.items()})
    update = Training._update

    def timed(training: Training) -> None:
        begun = time.monotonic()
        update(training)
        print(json.dumps([imported, begun, time.monotonic()]))
        signal.raise_signal(signal.SIGTERM)

    Training._update = timed
    stage = from_json(TrainingSettings, settings, "settings")
    train(inputs, stage, 0, Path(output), Execution(threads=threads))


if __name__ == "__main__":
    main()
