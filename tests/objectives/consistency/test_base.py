"""What all objectives of consistency share: a weight that rises."""

import math

import pytest
import torch

from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.consistency.base import ramp_up
from fewmask.objectives.objective import Objective, build
from tests.objectives.consistency.making import CLASSES, TINY, batches, options, threshold
from tests.objectives.known import CONSISTENCY


def test_the_weight_rises_from_nearly_0_to_1():
    assert ramp_up(0, 0) == 1
    assert ramp_up(0, 100) == pytest.approx(math.exp(-5))
    assert ramp_up(50, 100) == pytest.approx(math.exp(-1.25))
    assert ramp_up(100, 100) == ramp_up(1000, 100) == 1


@pytest.mark.parametrize("name", CONSISTENCY)
def test_only_losses_of_unlabelled_images_are_weighted(name: str):
    def objective(ramp: float) -> Objective:
        torch.manual_seed(0)
        chosen = options(name, ramp_up=ramp, **threshold(name, 0))
        return build(chosen, Blueprint(TINY, {"segmentation": CLASSES}, steps=200)).train()

    found = []
    for ramp in (0.0, 0.5):
        one = objective(ramp)
        torch.manual_seed(1)
        found.append({key: loss.item() for key, loss in one.losses(batches(), 50).items()})
    plain, rising = found
    for key in one.supervised_losses:
        assert rising.pop(key) == pytest.approx(plain.pop(key))
    assert plain["consistency"] > 0
    assert rising == pytest.approx({n: math.exp(-1.25) * one for n, one in plain.items()}, rel=1e-4)
