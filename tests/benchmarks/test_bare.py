"""Bare steps: that they do the work of the networks in a step, no more and no less."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.passes import passes
from benchmarks.training import loop
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import bare
from fewmask.data.store.store import Store
from fewmask.training.building import build_training
from fewmask.training.loop import Training
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.objectives.known import NAMES
from tests.training.gradients import STAGES, inputs_of

BY_HAND = {
    "supervised": (bare.supervised, STAGES["supervised"]),
    "self_training": (
        bare.self_training,
        {
            "objective": {"name": "self_training", "auxiliary": {"own_blocks": 1}},
            "pseudo_masks": "supervised",
            "batch": {"labelled": 2, "unlabelled": 4},
        },
    ),
    "multi_task": (bare.multi_task, STAGES["nash_mtl"]),
    "simclr": (bare.simclr, STAGES["simclr"]),
    "masked_image": (bare.masked_image, STAGES["masked_image"]),
}

Train = Callable[[dict[str, Any]], Training]


@pytest.fixture
def train(rooms_with_geometry: Path, rooms_split: Path) -> Iterator[Train]:
    """What builds the training of a stage."""
    no_evaluations = {"every": 10**9, "metric": "none"}
    with Store(rooms_with_geometry) as store:

        def build(settings: dict[str, Any]) -> Training:
            stage = small_stage(evaluation=no_evaluations, **settings)
            inputs = inputs_of(stage, rooms_with_geometry, rooms_split)
            return build_training(inputs, stage, 0, store, start("fp32", 1))

        yield build


def operations(work: Callable[[], object]) -> int:
    """The floating-point operations of convolutions and products of matrices, both ways."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def assert_same_work(bare_step: bare.Step, training: Training) -> None:
    """That of networks; products of matrices in losses are none of it."""
    in_a_step = operations(loop(training, steps=1))
    assert 0.97 * in_a_step <= operations(bare_step) <= in_a_step


@pytest.mark.parametrize("name", NAMES)
def test_passes_of_any_objective(name: str, train: Train):
    training = train(STAGES[name])
    assert_same_work(passes(training), training)


@pytest.mark.parametrize("name", BY_HAND)
def test_steps_written_by_hand(name: str, train: Train):
    way, settings = BY_HAND[name]
    training = train(settings)
    assert_same_work(way(training), training)
