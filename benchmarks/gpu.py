"""How much of a GPU a training uses; an empty topic where there is no GPU.

Shares of the peak are of the rate of a large bf16 matrix product by cuBLAS on the same card, in
turns with it. The operations of a step are counted by torch, call by call.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.device import wait
from benchmarks.measurement import Measurement, in_turns, repeats, speed_up
from benchmarks.project import EMBEDDED, project
from benchmarks.training import PET, loop, repeated
from fewmask.training.loop import Training

SIDE = 8192
"""Rows and columns of the matrices that are multiplied."""


@dataclass(frozen=True)
class Case:
    """Supervised training on Oxford Pet: a network, the size of images, and of batches."""

    network: str
    settings: dict[str, Any]
    size: int
    batch: int = 64

    @property
    def title(self) -> str:
        """What the table calls it."""
        return f"{self.network}, {self.size} px, batch {self.batch}"

    @contextmanager
    def training(self, **changes: Any) -> Iterator[Training]:
        """The training at its first step; ``changes``: of its stage."""
        run = replace(PET, dataset="oxford_pet_224_budget")  # a multiple of 14, for DINOv2
        made = project("pet_supervised", run, self.size, self.settings, datasets=[run.dataset])
        with made as one:
            yield one.training("supervised", batch={"labelled": self.batch}, **changes)


UNET = Case("U-Net ResNet-34", {"encoder": "resnet34"}, 256)
DPT = Case("DPT DINOv2-S", {"encoder": "tu-vit_small_patch14_dinov2", "architecture": "dpt"}, 224)
SMALL = Case("U-Net EfficientNet-Lite0", EMBEDDED, 224, batch=16)


def unet() -> list[Measurement]:
    """U-Net ResNet-34, 256 px: share of the peak."""
    return [_share_of_peak(UNET, 0.35)]


def dpt() -> list[Measurement]:
    """DPT DINOv2-S, 224 px: share of the peak."""
    return [_share_of_peak(DPT, 0.45)]


def busy() -> list[Measurement]:
    """The network of the small experiments at 224 px: how much of the time the GPU computes, and
    what takes longest (``details``)."""
    with SMALL.training() as training:
        turn = loop(training, steps := repeats(loop(training, 1)))
        shares = []
        for _ in range(3):
            with profile(activities=[ProfilerActivity.CUDA]) as profiled:
                (seconds,) = in_turns({"loop": turn}, turns=1, warm_up=0)["loop"]
            kernels = {one.key: one.self_device_time_total for one in profiled.key_averages()}
            shares.append(sum(kernels.values()) / 1e6 / seconds)
    longest = sorted(kernels, key=kernels.get, reverse=True)[:8]
    details = {f"milliseconds_a_step, {one[:80]}": kernels[one] / 1e3 / steps for one in longest}
    details = {"milliseconds_a_step": 1e3 * seconds / steps} | details
    return [Measurement(f"GPU at work, {SMALL.title}", "time of the loop", shares, details=details)]


def augmentation() -> list[Measurement]:
    """Drawing and augmenting a batch, against the whole step."""
    with UNET.training() as training:
        steps = repeats(loop(training, 1))

        def augment() -> None:
            for step in range(steps):
                for batch in training.draws.at(step).values():
                    training.augmented(batch)
            wait()

        seconds = in_turns({"step": loop(training, steps), "augmentation": augment})
    share, what = speed_up(seconds, "step", "augmentation"), f"drawing, augmenting, {UNET.title}"
    return [Measurement(what, "whole step", share, 0.05, at_most=True)]


def streaming() -> list[Measurement]:
    """Images that do not fit the GPU, from memory and from the file: against those on the GPU."""
    ways, found = ("device", "memory", "file"), {}
    with ExitStack() as stack:
        for residence in ways:
            with patch("fewmask.data.batches._residence", lambda *_, where=residence: where):
                found[residence] = stack.enter_context(UNET.training())
        steps = repeats(loop(found["device"], 1))
        seconds = in_turns({name: loop(one, steps) for name, one in found.items()})
    return [
        Measurement(f"images from {name}, {UNET.title}", "images on the GPU", speed, 0.95)
        for name, speed in ((one, speed_up(seconds, one, "device")) for one in ways[1:])
    ]


def unet_compiled() -> list[Measurement]:
    """The same as `unet`, compiled."""
    return [_share_of_peak(UNET, 0.35, compile=True)]


def dpt_compiled() -> list[Measurement]:
    """The same as `dpt`, compiled."""
    return [_share_of_peak(DPT, 0.45, compile=True)]


def _share_of_peak(case: Case, target: float, **changes: Any) -> Measurement:
    with case.training() as plain:
        operations = _operations(plain)
    multiply = _product()
    with case.training(**changes) as training:
        steps, products = repeats(loop(training, 1)), repeats(repeated(multiply, 1))
        ways = {"loop": loop(training, steps), "product": repeated(multiply, products)}
        seconds = in_turns(ways)
    rates = [steps * operations / each for each in seconds["loop"]]
    peaks = [products * 2 * SIDE**3 / each for each in seconds["product"]]
    details = {
        "images_per_second": median(rates) / operations * case.batch,
        "teraflops_of_peak": median(peaks) / 1e12,
        "gigaflops_per_image": operations / case.batch / 1e9,
    }
    share = [rate / peak for rate, peak in zip(rates, peaks, strict=True)]
    title = ", ".join(["supervised", case.title, *(["compiled"] if changes else [])])
    return Measurement(title, "bf16 peak of cuBLAS", share, target, details=details)


def _operations(training: Training) -> int:
    """The floating-point operations of a step's matrix products and convolutions."""
    with FlopCounterMode(display=False) as counter:
        loop(training, 1)()
    return counter.get_total_flops()


def _product() -> Callable[[], object]:
    left, right = torch.randn(2, SIDE, SIDE, device="cuda", dtype=torch.bfloat16)
    return lambda: left @ right


BENCHMARKS = [unet, dpt, busy, augmentation, streaming, unet_compiled, dpt_compiled]
if not torch.cuda.is_available():
    BENCHMARKS = []
