"""Objectives that predict images, judge them, or change colours learn images of six bands."""

import math
from pathlib import Path

import pytest

from fewmask.data.store.store import Store
from fewmask.training.building import build_training
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.training.gradients import STAGES, inputs_of

NAMES = (
    "augseg",
    "gct",
    "masked_image",
    "reconstruction",
    "s4gan",
    "self_training",
    "simclr",
    "vat",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_on_six_bands(name: str, rooms_in_bands: Path, rooms_split: Path):
    stage = small_stage(precision="fp32", evaluation={"every": 1, "metric": "loss"}, **STAGES[name])
    inputs = inputs_of(stage, rooms_in_bands, rooms_split)
    with Store(inputs.dataset) as store:
        scaling = inputs.scaling(store)
        training = build_training(inputs, stage, 0, store, start("fp32", 1), scaling)
        training.run(
            save=lambda now: None,
            checkpoint_minutes=60,
            interrupted=lambda: training.step >= 1,
            report=lambda now: None,
        )
    assert math.isfinite(training.history[-1]["loss"])
    tensors = training.network.state_dict().items()
    means = [tensor for name, tensor in tensors if name.rpartition(".")[2] == "mean"]
    assert {one.shape for one in means} == {(1, 6, 1, 1)}
