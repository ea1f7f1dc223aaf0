"""What the weightings that look at gradients hold for shared: the update, whatever is learnt."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fewmask.data.store.store import Store
from fewmask.training.building import build_training
from fewmask.training.inputs import Inputs
from fewmask.training.loop import Training
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.data.making import scenes_store
from tests.objectives.weighting.making import OFF
from tests.training.gradients import STAGES, in_64_bits

SEVERAL = ["supervised", "reconstruction", "self_training", "multi_task"]
"""Objectives of several losses."""
WEIGHTINGS = [{"name": "nash_mtl", "max_norm": None}, {"name": "pcgrad"}, {"name": "cagrad"}]

Gradients = dict[str, Tensor]


@pytest.fixture(scope="module")
def geometry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes_store(tmp_path_factory.mktemp("geometry") / "rooms.h5", 36)


def built(objective: str, weighting: dict, store: Store, split: Path) -> Training:
    """A training in 64 bits whose losses are the same however often they are requested."""
    evaluation = {"every": 5, "metric": "loss"}
    stage = small_stage(
        precision="fp32", evaluation=evaluation, weighting=weighting, **STAGES[objective]
    )
    training = build_training(Inputs(store.path, split), stage, 0, store, start("fp32", 1))
    in_64_bits(training.objective.eval())
    return training


def losses_of(training: Training, batches: dict) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return training.objective.losses(batches, 0)


def separate(training: Training, batches: dict) -> dict[str, Gradients]:
    """The gradients of each loss, each by a forward and a backward pass of its own."""
    found = {}
    for name in training.stage.objective.loss_names:
        training.objective.zero_grad(set_to_none=True)
        losses_of(training, batches)[name].backward()
        parameters = training.objective.named_parameters()
        found[name] = {key: one.grad for key, one in parameters if one.grad is not None}
    training.objective.zero_grad(set_to_none=True)
    return found


def products(gradients: dict[str, Gradients], shared: set[str]) -> Tensor:
    def flat(one: Gradients, like: Gradients) -> Tensor:
        return torch.cat([one.get(n, torch.zeros_like(like[n])).flatten() for n in sorted(shared)])

    anyone = {name: value for one in gradients.values() for name, value in one.items()}
    rows = torch.stack([flat(one, anyone) for one in gradients.values()])
    return rows @ rows.T


@pytest.mark.parametrize("weighting", WEIGHTINGS, ids=lambda one: one["name"])
@pytest.mark.parametrize("objective", SEVERAL)
def test_the_update_is_that_of_independent_gradients(
    objective: str, weighting: dict, geometry: Path, rooms_split: Path
):
    with Store(geometry) as store:
        training = built(objective, weighting, store, rooms_split)
        batches = {role: training.augmented(one) for role, one in training.draws.at(0).items()}
        by_loss = separate(training, batches)
        reached = [name for one in by_loss.values() for name in one]
        shared = {name for name in reached if reached.count(name) > 1}
        method = training.weighting
        losses = losses_of(training, batches)
        torch.manual_seed(2)
        expected = method(products(by_loss, shared))
        torch.manual_seed(2)
        method.backward(losses, training.objective, OFF, 0)

    decoder = any(name.startswith("network.decoder") for name in shared)
    assert decoder == (objective in ("supervised", "self_training"))
    assert method.weights.tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    own = method.own_weights()
    for name, parameter in training.objective.named_parameters():
        weights = method.weights if name in shared else own
        pairs = zip(weights.tolist(), by_loss.values(), strict=True)
        terms = [weight * one[name] for weight, one in pairs if name in one]
        if terms:
            update = partial(torch.allclose, parameter.grad, rtol=1e-6, atol=1e-12)
            assert update(sum(terms)), name
        else:
            assert parameter.grad is None, name
