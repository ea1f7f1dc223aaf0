"""How close the loop of a training comes to the bare work of its network."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from benchmarks import bare
from benchmarks.conventional import ImageFiles, conventional
from benchmarks.device import wait
from benchmarks.measurement import Measurement, in_turns, repeats, speed_up
from benchmarks.project import Project, project
from fewmask.core.cells import Run
from fewmask.core.paths import data_folder
from fewmask.training.loop import Training

PET = Run("oxford_pet_64", "supervised", "n200", 0)


def supervised_64() -> list[Measurement]:
    """Supervised training, U-Net ResNet-18, 64 px: against the bare step, and a usual loop."""
    with _supervised("resnet18", 64) as (made, training):
        files = _image_files(made, training, 64)
        usual = conventional("resnet18", files, 32, training.runtime.device)
        seconds, speeds = _measure(training, bare.supervised(training), {"conventional": usual})
    what = "supervised, U-Net ResNet-18, 64 px, batch 32"
    return [
        Measurement(what, "bare step", speed_up(seconds, "loop", "bare"), 0.92, details=speeds),
        Measurement(
            what, "usual loop", speed_up(seconds, "loop", "conventional"), 2, details=speeds
        ),
    ]


def supervised_128() -> list[Measurement]:
    """Supervised training, U-Net ResNet-34, 128 px: against the bare step."""
    with _supervised("resnet34", 128) as (_, training):
        what = "supervised, U-Net ResNet-34, 128 px, batch 32"
        return near(training, bare.supervised(training), what, "bare step", 0.92)


def self_training() -> list[Measurement]:
    """The last stage of three-stage self-training on CamVid: against its passes, bare."""
    run = Run("camvid_96", "three_stage", "n46", 0)
    with project("camvid_three_stage", run) as made:
        training = made.training("final", batch={"labelled": 4, "unlabelled": 16})
        what = "self-training, U-Net ResNet-18, 96 x 128 px, batch 4 + 16"
        return near(training, bare.self_training(training), what, "bare passes", 0.9)


def nash_mtl() -> list[Measurement]:
    """Masks, depths and normals of rooms weighted by Nash-MTL: against three backward passes."""
    run = Run("scenes", "multi_task_nash_mtl", "n80", 0)
    with project("scenes_multi_task", run) as made:
        training = made.training("multi_task")
        what = "3 tasks by Nash-MTL, U-Net ResNet-18, 64 px, batch 8 + 8"
        return near(training, bare.multi_task(training), what, "3 backward passes, bare", 0.85)


def simclr() -> list[Measurement]:
    """SimCLR pretraining on CIFAR-10: against the bare step."""
    run = Run("oxford_pet_binary_64", "simclr_cifar10", "n124", 0)
    with project("pet_simclr", run) as made:
        training = made.training("pretrain")
        what = "SimCLR, ResNet-18, 32 px, batch 64"
        return near(training, bare.simclr(training), what, "bare step", 0.9)


def masked_image() -> list[Measurement]:
    """Masked-image pretraining: against the bare step."""
    run = Run("oxford_pet_64", "masked_image", "n120", 0)
    with project("pet_masked_image", run) as made:
        training = made.training("pretrain")
        what = "masked images, U-Net ResNet-18, 64 px, batch 32"
        return near(training, bare.masked_image(training), what, "bare step", 0.9)


def compiled() -> list[Measurement]:
    """The loop with `compile` against the same without, once all is compiled."""
    with project("pet_supervised", PET) as made:
        ways = {
            name: made.training("supervised", compile=name == "compiled")
            for name in ("plain", "compiled")
        }
        steps = repeats(loop(ways["plain"], 1))
        seconds = in_turns({name: loop(one, steps) for name, one in ways.items()})
    what = "supervised, U-Net ResNet-18, 64 px, batch 32, compiled"
    return [Measurement(what, "not compiled", speed_up(seconds, "compiled", "plain"))]


@contextmanager
def _supervised(encoder: str, size: int) -> Iterator[tuple[Project, Training]]:
    network: dict[str, Any] = {"encoder": encoder}
    with project("pet_supervised", PET, size, network=network) as made:
        yield made, made.training("supervised")


def _image_files(made: Project, training: Training, size: int) -> ImageFiles:
    """The labelled images, as files."""
    store, rows = training.draws.images.store, training.draws.rows["labelled"]
    root = data_folder() / made.grid.datasets[made.run.dataset].root
    names = [store.names[row] for row in rows]
    return ImageFiles(root, names, size, training.stage.augmentation)


def near(
    training: Training, bare_step: bare.Step, what: str, against: str, target: float
) -> list[Measurement]:
    """How close the loop comes to the bare step."""
    seconds, speeds = _measure(training, bare_step)
    return [Measurement(what, against, speed_up(seconds, "loop", "bare"), target, details=speeds)]


def _measure(
    training: Training, bare_step: bare.Step, others: dict[str, bare.Step] | None = None
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """What turns of as many steps took: Fewmask's loop, bare, and others; and the median images
    per second of each."""
    steps = repeats(repeated(bare_step, 1))
    ways = {
        name: repeated(step, steps) for name, step in {"bare": bare_step, **(others or {})}.items()
    }
    seconds = in_turns({"loop": loop(training, steps), **ways})
    images = steps * sum(training.draws.sizes.values())
    speeds = {f"images_per_second_{name}": images / median(each) for name, each in seconds.items()}
    return seconds, speeds


def loop(training: Training, steps: int) -> Callable[[], None]:
    """Fewmask's own loop, going on for a turn's steps."""

    def turn() -> None:
        end = training.step + steps
        training.run(
            save=lambda now: None,
            checkpoint_minutes=60,
            interrupted=lambda: training.step >= end,
            report=lambda now: None,
        )
        wait()

    return turn


def repeated(step: Callable[[], object], steps: int) -> Callable[[], None]:
    """A turn of so many steps, which ends when the device is done."""

    def turn() -> None:
        for _ in range(steps):
            step()
        wait()

    return turn


BENCHMARKS = [
    supervised_64,
    supervised_128,
    self_training,
    nash_mtl,
    simclr,
    masked_image,
    compiled,
]
