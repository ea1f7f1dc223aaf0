"""The process that `benchmarks.resuming` times: a training's job, stopped after one step.

    python -m benchmarks.resumed '[settings, inputs, output, threads]'

prints the seconds from the end of its imports to the first step, and to the end of that.
"""

import json
import signal
import sys
import time
from pathlib import Path

from fewmask.config.layers import from_json
from fewmask.config.stage import TrainingSettings
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from fewmask.training.loop import Training


def main() -> None:
    """Train for one step, then stop like a job that SLURM stops, which saves a checkpoint."""
    imported = time.perf_counter()
    settings, files, output, threads = json.loads(sys.argv[1])
    inputs = Inputs(**{name: path and Path(path) for name, path in files.items()})
    update = Training._update

    def timed(training: Training) -> None:
        begun = time.perf_counter()
        update(training)
        print(json.dumps([begun - imported, time.perf_counter() - imported]))
        signal.raise_signal(signal.SIGTERM)

    Training._update = timed
    train(
        inputs, from_json(TrainingSettings, settings, "settings"), 0, Path(output), threads=threads
    )


if __name__ == "__main__":
    main()
