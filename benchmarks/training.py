"""How much of a training's time the network itself takes."""

from collections.abc import Callable

import torch
from torch.nn import functional

from benchmarks.figure import Figure, in_turns, speed_up
from benchmarks.project import project
from fewmask import IGNORE
from fewmask.data.batches import Batch
from fewmask.grid import Run
from fewmask.training.loop import Training

STEPS = 8
"""Steps of a turn."""


def supervised_64() -> list[Figure]:
    """Supervised training, U-Net ResNet-18, 64 px: the loop against its bare step."""
    return _supervised("resnet18", 64)


def supervised_128() -> list[Figure]:
    """Supervised training, U-Net ResNet-34, 128 px: the loop against its bare step."""
    return _supervised("resnet34", 128)


def _supervised(encoder: str, size: int) -> list[Figure]:
    run = Run("oxford_pet_64", "supervised", "n200", 0)
    with project("pet_supervised", run, size, network={"encoder": encoder}) as made:
        training = made.training("supervised", batch={"labelled": 32})
        seconds = in_turns({"loop": loop(training), "bare": bare_supervised(training)})
    speed = [STEPS * 32 / one for one in seconds["loop"]]
    return [
        Figure(
            f"supervised, U-Net {encoder}, {size} px, batch 32",
            "bare step",
            speed_up(seconds, "loop", "bare"),
            target=0.92,
            details={"pictures_per_second": sorted(speed)[len(speed) // 2]},
        )
    ]


def loop(training: Training) -> Callable[[], None]:
    """Fewmask's own loop: goes on for a turn's steps."""

    def turn() -> None:
        end = training.step + STEPS
        training.run(
            save=lambda now: None,
            checkpoint_minutes=60,
            interrupted=lambda: training.step >= end,
            report=lambda now: None,
        )
        wait()

    return turn


def bare_supervised(training: Training) -> Callable[[], None]:
    """Forward, backward and update on one batch that stays where it is."""
    network, batch = training.objective.network, fixed_batches(training)["labelled"]
    optimiser = torch.optim.AdamW(network.parameters(), fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with training.runtime.autocast():
            logits = network(batch.image, batch.inside)["segmentation"]
        functional.cross_entropy(logits.float(), batch.mask, ignore_index=IGNORE).backward()
        optimiser.step()

    return repeated(step)


def fixed_batches(training: Training) -> dict[str, Batch]:
    """The batches of the first step, as augmentation leaves them."""
    return {role: training.augmented(batch) for role, batch in training.draws.at(0).items()}


def repeated(step: Callable[[], None]) -> Callable[[], None]:
    """A turn's steps."""

    def turn() -> None:
        for _ in range(STEPS):
            step()
        wait()

    return turn


def wait() -> None:
    """Until the GPU, if there is one, has done what it was asked for."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


BENCHMARKS = [supervised_64, supervised_128]
