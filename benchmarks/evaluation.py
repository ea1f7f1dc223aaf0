"""How close an evaluation comes to the forward passes of its network."""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from benchmarks.device import wait
from benchmarks.measurement import Measurement, in_turns, speed_up
from benchmarks.project import CORES, project
from fewmask.core.cells import Run
from fewmask.data.batches import Images
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference.evaluate import BATCH_SIZE, evaluate
from fewmask.inference.inputs import EvaluationInputs
from fewmask.inference.trained import Trained


def pet_256() -> list[Measurement]:
    """The job of an evaluation, 298 images of 256 px: against the forward passes alone.

    The job reads the network, the images and their split, and writes metrics, values of every
    image and examples. Bare are the passes of the network on the same batches, read before.
    """
    run = Run("oxford_pet_64", "supervised", "n200", 0)
    with (
        project("pet_supervised", run, 256, network={"encoder": "resnet34"}) as made,
        TemporaryDirectory() as folder,
    ):
        key = made.grid.stages(run)[-1]
        files, inputs = made.trained(key), made.inputs(key)

        def ours() -> None:
            output = Path(folder) / "metrics.json"
            trainings = (Path(files["training"]),)
            paths = (inputs.dataset, inputs.split, Path(files["weights"]), trainings)
            evaluate(run, EvaluationInputs(*paths), output, threads=CORES)

        trained = Trained.load(Path(files["weights"]), CORES)
        with Store(inputs.dataset) as store:
            rows = split_files.read(inputs.split, store.names)["test"]
            batches = list(Images(store, rows, trained.runtime.device).in_order(BATCH_SIZE))

        @torch.no_grad()
        def bare() -> None:
            for batch in batches:
                with trained.runtime.autocast():
                    trained.network(batch.image, batch.inside)
            wait()

        seconds = in_turns({"job": ours, "bare": bare}, turns=3)
    what = f"evaluation, U-Net ResNet-34, 256 px, {len(rows)} images"
    speeds = {
        f"images_per_second_{name}": len(rows) / median(each) for name, each in seconds.items()
    }
    return [
        Measurement(what, "bare forward", speed_up(seconds, "job", "bare"), 0.9, details=speeds)
    ]


BENCHMARKS = [pet_256]
