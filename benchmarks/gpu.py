"""How much of a GPU a training uses; an empty topic where there is no GPU.

Shares of the peak are of the rate of a large bf16 matrix product by cuBLAS on the same card, in
turns with it. The operations of a step are counted by torch, call by call.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.device import wait
from benchmarks.measurement import Measurement, in_turns, repeats, speed_up
from benchmarks.project import project
from benchmarks.training import PET, loop
from fewmask.training.loop import Training

BATCH = 64
SIDE = 8192
"""Rows and columns of the matrices that are multiplied."""


def unet() -> list[Measurement]:
    """U-Net ResNet-34, 256 px: share of the peak."""
    return _share("U-Net ResNet-34, 256 px", _unet, 0.35)


def dpt() -> list[Measurement]:
    """DPT DINOv2-S, 224 px: share of the peak."""
    return _share("DPT DINOv2-S, 224 px", _dpt, 0.45)


def augmentation() -> list[Measurement]:
    """Drawing and augmenting a batch, against the whole step."""
    with _unet() as training:
        steps = repeats(loop(training, 1))

        def prepare_batches() -> None:
            for step in range(steps):
                for batch in training.draws.at(step).values():
                    training.augmented(batch)
            wait()

        seconds = in_turns({"step": loop(training, steps), "augmentation": prepare_batches})
    what = f"drawing and augmenting, U-Net ResNet-34, 256 px, batch {BATCH}"
    return [Measurement(what, "whole step", speed_up(seconds, "step", "augmentation"), 0.05,
                        at_most=True)]  # fmt: skip


def streaming() -> list[Measurement]:
    """Images that do not fit the GPU, from memory and from the file: against those on the GPU."""
    ways, found = ("device", "memory", "file"), {}
    with ExitStack() as stack:
        for residence in ways:
            with patch("fewmask.data.batches._residence", lambda *_, where=residence: where):
                found[residence] = stack.enter_context(_unet())
        steps = repeats(loop(found["device"], 1))
        seconds = in_turns({name: loop(one, steps) for name, one in found.items()})
    return [
        Measurement(f"images from {name}, U-Net ResNet-34, 256 px, batch {BATCH}",
                    "images on the GPU", speed_up(seconds, name, "device"), 0.95)
        for name in ways[1:]
    ]  # fmt: skip


def _share(
    what: str, training_of: Callable[..., AbstractContextManager[Training]], target: float
) -> list[Measurement]:
    """The share of the peak that the loop reaches, compiled and not."""
    found, operations = [], 0
    for compiled in (False, True):
        with training_of(compile=compiled) as training:
            operations = operations or _operations(training)
            share, details = _of_peak(training, operations)
        how = "supervised, compiled" if compiled else "supervised"
        title = f"{how}, {what}, batch {BATCH}"
        found.append(Measurement(title, "bf16 peak of cuBLAS", share, target, details=details))
    return found


def _of_peak(training: Training, operations: int) -> tuple[list[float], dict[str, float]]:
    """The share of the peak in every turn, and rates; ``operations``: those of a step."""
    multiply = _product()
    steps, products = repeats(loop(training, 1)), repeats(_times(multiply, 1))
    ways = {"loop": loop(training, steps), "product": _times(multiply, products)}
    seconds = in_turns(ways)
    rates = [steps * operations / each for each in seconds["loop"]]
    peaks = [products * 2 * SIDE**3 / each for each in seconds["product"]]
    details = {
        "images_per_second": median(rates) / operations * BATCH,
        "teraflops_of_peak": median(peaks) / 1e12,
        "gigaflops_per_image": operations / BATCH / 1e9,
    }
    return [rate / peak for rate, peak in zip(rates, peaks, strict=True)], details


def _operations(training: Training) -> int:
    """The floating-point operations of a step's matrix products and convolutions."""
    with FlopCounterMode(display=False) as counter:
        loop(training, 1)()
    return counter.get_total_flops()


def _product() -> Callable[[], object]:
    left, right = torch.randn(2, SIDE, SIDE, device="cuda", dtype=torch.bfloat16)
    return lambda: left @ right


def _times(work: Callable[[], object], times: int) -> Callable[[], None]:
    def turn() -> None:
        for _ in range(times):
            work()
        wait()

    return turn


@contextmanager
def _unet(**changes: Any) -> Iterator[Training]:
    with project("pet_supervised", PET, 256, network={"encoder": "resnet34"}) as made:
        yield made.training("supervised", batch={"labelled": BATCH}, **changes)


@contextmanager
def _dpt(**changes: Any) -> Iterator[Training]:
    run = replace(PET, dataset="oxford_pet_224_budget")
    network = {"encoder": "tu-vit_small_patch14_dinov2", "architecture": "dpt"}
    with project("pet_supervised", run, network=network, datasets=[run.dataset]) as made:
        yield made.training("supervised", batch={"labelled": BATCH}, **changes)


BENCHMARKS = [unet, dpt, augmentation, streaming] if torch.cuda.is_available() else []
