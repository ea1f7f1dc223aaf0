"""What the loop does for objectives that ask for more than one network and one rate."""

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from fewmask.core.paths import WEIGHTS
from fewmask.data.batches import Batch
from fewmask.data.store.store import Store
from fewmask.networks.backbone import Backbone
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.losses import cross_entropy
from fewmask.objectives.objective import Objective
from fewmask.objectives.parameter_group import ParameterGroup
from fewmask.training.building import build_training
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from fewmask.training.loop import Training
from fewmask.training.runtime import start
from tests.conftest import small_stage

SGD = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0.0}
CONSTANT = {"optimiser": SGD, "schedule": {"name": "constant"}, "precision": "fp32", "steps": 4}
RATE, NORM = 0.001, 1e-4


class Pair(Objective):
    """Two networks that learn the same masks; the second one is the result. Its encoder has a rate
    of its own, its decoder a clipping, its head a weight decay and no gradient."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint.segmenter())
        self.second = blueprint.segmenter()
        self.at_start: list[dict[str, Tensor]] = []

    @property
    def result(self) -> nn.Module:
        return self.second

    @property
    def networks(self) -> list[nn.Module]:
        return [self.network, self.second]

    def started(self) -> None:
        self.at_start = [copy.deepcopy(one.state_dict()) for one in self.networks]

    def parameter_groups(self) -> list[ParameterGroup]:
        second = self.second
        return [
            ParameterGroup(list(second.encoder.parameters()), learning_rate=RATE),
            ParameterGroup(list(second.decoder.parameters()), clip_gradient_norm=NORM),
            ParameterGroup(list(second.segmentation_head.parameters()), weight_decay=0.5),
        ]

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        batch = batches["labelled"]
        first = self.predict(self.network, batch.image, batch.inside)["segmentation"]
        second = self.predict(self._frozen_head, batch.image, batch.inside)
        return {
            "cross_entropy": cross_entropy(first, batch.mask) + cross_entropy(second, batch.mask)
        }

    def _frozen_head(self, image: Tensor, inside: Tensor) -> Tensor:
        features = self.second.decoder(self.second.features(image, inside))
        head = copy.deepcopy(self.second.segmentation_head).requires_grad_(False)
        # It depends on the head with a gradient of 0, so that only the weight decay moves it.
        none = sum(one.sum() for one in self.second.segmentation_head.parameters()) * 0
        return head(features) + none


@pytest.fixture(autouse=True)
def _pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """The objective that is built, whatever the name of its settings."""
    monkeypatch.setattr(f"{build_training.__module__}.build", lambda _, given: Pair(given))


@pytest.fixture
def begun(rooms: Path, rooms_split: Path) -> Training:
    stage = small_stage(**CONSTANT)
    with Store(rooms) as store:
        yield build_training(Inputs(rooms, rooms_split), stage, 0, store, start("fp32", 1))


def moved(before: Backbone, after: Backbone, part: str) -> list[Tensor]:
    pairs = zip(getattr(before, part).parameters(), getattr(after, part).parameters(), strict=True)
    return [(now - then).detach() for then, now in pairs]


def length(vectors: list[Tensor]) -> float:
    return float(torch.cat([one.flatten() for one in vectors]).norm())


def test_groups_have_a_rate_a_clipping_and_a_weight_decay_of_their_own(begun: Training):
    before = copy.deepcopy(begun.objective.second)
    begun.objective.train()
    begun._update()
    after = begun.objective.second
    gradients = [one.grad for one in after.encoder.parameters() if one.grad is not None]
    steps = [
        step
        for step, one in zip(
            moved(before, after, "encoder"), after.encoder.parameters(), strict=True
        )
        if one.grad is not None
    ]
    assert length(steps) == pytest.approx(RATE * length(gradients), rel=1e-2)
    assert length(moved(before, after, "decoder")) == pytest.approx(0.1 * NORM, rel=1e-2)
    for then, now in zip(
        before.segmentation_head.parameters(), after.segmentation_head.parameters(), strict=True
    ):
        torch.testing.assert_close(now, then * (1 - 0.1 * 0.5))


def test_groups_without_a_clipping_of_their_own_are_clipped_with_the_others(
    rooms: Path, rooms_split: Path
):
    stage = small_stage(**CONSTANT, clip_gradient_norm=0.01)
    with Store(rooms) as store:
        one = build_training(Inputs(rooms, rooms_split), stage, 0, store, start("fp32", 1))
    one.objective.train()
    one._update()
    own = {*one.objective.second.decoder.parameters()}
    gradients = [p.grad for p in one.objective.parameters() if p.grad is not None]
    apart = [p.grad for p in own if p.grad is not None]
    assert length(apart) == pytest.approx(NORM, rel=1e-2)
    assert length(gradients) == pytest.approx((0.01**2 + NORM**2) ** 0.5, rel=1e-2)


def test_all_networks_start_from_another_stage_before_the_objective_is_told_to(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    inputs = Inputs(rooms, rooms_split)
    assert train(inputs, small_stage(**CONSTANT), 0, tmp_path)
    inputs = Inputs(rooms, rooms_split, start_from=tmp_path / WEIGHTS)
    stage = small_stage(**CONSTANT, start_from="earlier")
    with Store(rooms) as store:
        objective = build_training(inputs, stage, 1, store, start("fp32", 1)).objective
    for weights in objective.at_start:
        for name, tensor in load_file(tmp_path / WEIGHTS).items():
            assert torch.equal(weights[name], tensor), name


def test_the_second_network_is_what_is_kept_and_a_resumed_training_ends_with_it(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    stage = small_stage(**CONSTANT, evaluation={"every": 2, "metric": "none"})

    def begin() -> Training:
        with Store(rooms) as store:
            return build_training(Inputs(rooms, rooms_split), stage, 0, store, start("fp32", 1))

    whole, stopped = begin(), begin()
    for one, steps in ((whole, 4), (stopped, 2)):
        one.objective.train()
        for _ in range(steps):
            one._update()
        one._settle()
    resumed = begin()
    resumed.load_state_dict(copy.deepcopy(stopped.state_dict()))
    resumed.objective.train()
    for _ in range(2):
        resumed._update()
    for name, tensor in whole.objective.second.state_dict().items():
        assert torch.equal(whole.result[name], tensor), name
        assert torch.equal(resumed.result[name], tensor), name
