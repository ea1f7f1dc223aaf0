"""What every objective must do with a network that it judges on the validation images."""

import copy
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from fewmask.config.stage import Objective as AnyOptions
from fewmask.config.task import load
from fewmask.data.batches import Batch, Images
from fewmask.data.store.store import Store
from fewmask.objectives.objective import Objective
from fewmask.training.building import build_training
from fewmask.training.inputs import Inputs
from fewmask.training.loop import Training
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.data.making import scenes_store
from tests.training.gradients import STAGES

OPTIONS = get_args(get_args(AnyOptions)[0])
NAMES = [get_args(one.model_fields["name"].annotation)[0] for one in OPTIONS]


@pytest.fixture(scope="module")
def geometry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes_store(tmp_path_factory.mktemp("geometry") / "rooms.h5", 36)


@pytest.fixture(params=NAMES)
def training(request: pytest.FixtureRequest, geometry: Path, rooms_split: Path) -> Training:
    """A training of every objective, after two steps."""
    stage = small_stage(
        precision="fp32", evaluation={"every": 5, "metric": "loss"}, **STAGES[request.param]
    )
    with Store(geometry) as store:
        inputs = Inputs(geometry, rooms_split)
        one = build_training(inputs, stage, 0, store, start("fp32", 1))
        one.objective.train()
        for _ in range(2):
            one._update()
        yield one


def gaps(batch: Batch) -> Batch:
    """Truth that is known of as many pixels as the row says, and padding likewise."""
    for i, row in enumerate(batch.rows.tolist()):
        unknown = slice(0, 4 * (row % 7))
        batch.inside[i, :, unknown] = 0
        for name, truth in batch.truth.items():
            truth[i, ..., unknown, :] = load(name).unknown
    return batch


def judged(training: Training, network: nn.Module, batch_size: int = 4) -> dict[str, float]:
    images: Images = training.validation
    batches: Iterator[Batch] = map(gaps, images.in_order(batch_size))
    return training.objective.validate(network, batches, nullcontext)


def state(module: nn.Module) -> dict[str, Tensor]:
    return {n: one.clone() for n, one in module.state_dict().items() if isinstance(one, Tensor)}


def modes(module: nn.Module) -> list[bool]:
    return [one.training for one in module.modules()]


def test_it_judges_the_network_that_it_is_handed(training: Training):
    objective: Objective = training.objective
    handed = copy.deepcopy(objective.result)
    found = judged(training, handed)
    assert judged(training, handed.eval()) == found, "in evaluation mode, whatever its mode"
    with torch.no_grad():
        for parameter in objective.network.parameters():
            parameter.normal_()
    assert judged(training, handed) == found, "and not its own"


def test_it_leaves_everything_as_it_was(training: Training):
    objective = training.objective
    handed = copy.deepcopy(objective.result)
    next(one for one in handed.modules() if isinstance(one, nn.BatchNorm2d)).eval()
    before = [(state(one), modes(one)) for one in (objective, handed)]
    drawn = torch.get_rng_state()
    judged(training, handed)
    assert torch.equal(torch.get_rng_state(), drawn)
    for one, (weights, mode) in zip((objective, handed), before, strict=True):
        assert modes(one) == mode
        for name, tensor in state(one).items():
            assert torch.equal(tensor, weights[name]), name


def test_the_batch_size_changes_nothing(training: Training):
    whole = judged(training, training.network, 6)
    for batch_size in (1, 3, 4):
        found = judged(training, training.network, batch_size)
        assert found == pytest.approx(whole, rel=1e-5)
