"""What tests of adversarial objectives share: passes of networks, and the formulas in numbers."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask import IGNORE
from fewmask.data.batches import Batch
from fewmask.objectives.objective import Objective
from tests.objectives.consistency.making import CLASSES, softmax

SMALL = {"channels": [8, 6]}
"""Layers of a discriminator for images of 16 pixels."""


class Passes:
    """What a segmenter returned, pass by pass."""

    def __init__(self, network: nn.Module) -> None:
        self.logits: list[Tensor] = []
        network.register_forward_hook(self._keep)

    def _keep(self, network: nn.Module, given: tuple[Tensor, ...], found: Any) -> None:
        self.logits.append(found["segmentation"].detach())


def layers_of(discriminator: nn.Module, maps: Tensor) -> Tensor:
    """The output of its halving layers, without dropout, from their weights."""
    for one in discriminator.layers:
        if isinstance(one, nn.Conv2d):
            maps = functional.conv2d(maps, one.weight, one.bias, stride=2, padding=1)
            maps = torch.where(maps > 0, maps, 0.2 * maps)
    return maps


def probabilities(logits: Tensor, batch: Batch) -> Tensor:
    """A softmax by hand at every pixel that counts; 0 at the others."""
    maps = torch.zeros_like(logits)
    for n, y, x in pixels(batch):
        maps[n, :, y, x] = torch.tensor(softmax(logits[n, :, y, x].tolist()))
    return maps


def masks(batch: Batch) -> Tensor:
    """1 for the class of every pixel whose class is known, 0 elsewhere."""
    maps = torch.zeros(len(batch.image), CLASSES, *batch.image.shape[2:])
    for n, y, x in pixels(batch):
        maps[n, batch.mask[n, y, x], y, x] = 1
    return maps


def pixels(batch: Batch) -> list[tuple[int, int, int]]:
    """The pixels whose class is known; of images without masks those inside."""
    count, _, height, width = batch.image.shape
    every = ((n, y, x) for n in range(count) for y in range(height) for x in range(width))
    if batch.mask is None:
        return [(n, y, x) for n, y, x in every if batch.inside[n, 0, y, x]]
    return [place for place in every if batch.mask[place] != IGNORE]


def sigmoid(score: Tensor) -> float:
    return 1 / (1 + math.exp(-score.item()))


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def reached(one: Objective, loss: Tensor) -> dict[str, bool]:
    """Whether a loss has a gradient on its networks, by their names."""
    one.zero_grad(set_to_none=True)
    loss.backward(retain_graph=True)
    return {
        name: any(p.grad is not None and p.grad.any() for p in child.parameters())
        for name, child in one.named_children()
    }
