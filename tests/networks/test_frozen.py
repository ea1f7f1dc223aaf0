"""What is frozen stays as in the initial weights, and is shared with teachers."""

import copy
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from fewmask.config.network import Network
from fewmask.core.paths import WEIGHTS
from fewmask.data.store.store import Store
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.segmenter import Segmenter
from fewmask.networks.teacher import Teacher
from fewmask.networks.weights import load_segmenter, load_weights
from fewmask.objectives.objective import build
from fewmask.training.building import build_training
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from fewmask.training.loop import Training
from fewmask.training.runtime import start
from tests.conftest import SMALL_RESNET, small_stage

NETWORK = SMALL_RESNET | {"weights": "imagenet"}
TEACHER = {
    "objective": {"name": "self_training", "auxiliary": None, "result": "teacher"},
    "batch": {"labelled": 2, "unlabelled": 2},
}


def begin(rooms: Path, split: Path, frozen: str, start_from: Path | None = None, **changes):
    """A training at its first step; without a file the weights that should be ImageNet's are
    random."""
    stage = small_stage(network=NETWORK | {"frozen": frozen}, precision="fp32", **changes)
    with Store(rooms) as store:
        inputs = Inputs(rooms, split, start_from)
        return build_training(inputs, stage, 0, store, start("fp32", 1))


def after(training: Training, steps: int) -> Training:
    training.objective.train()
    for _ in range(steps):
        training._update()
    training._settle()
    return training


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: one.clone() for name, one in module.state_dict().items()}


def changed(before: dict[str, Tensor], module: nn.Module) -> set[str]:
    return {n for n, one in module.state_dict().items() if not torch.equal(one, before[n])}


def test_a_frozen_encoder_is_neither_updated_nor_differentiated(rooms, rooms_split):
    training = begin(rooms, rooms_split, "encoder")
    network = training.objective.network
    before = state(network)
    after(training, 2)
    assert not any(name.startswith("encoder.") for name in changed(before, network))
    assert {name for name in changed(before, network) if "decoder" in name}
    features = network.features(torch.rand(2, 3, 32, 32), torch.ones(2, 1, 32, 32))
    assert not any(one.requires_grad for one in features)
    assert network.training
    assert not any(one.training for one in network.encoder.modules())
    optimised = {
        one
        for optimiser in training.optimisers.optimisers
        for group in optimiser.param_groups
        for one in group["params"]
    }
    assert optimised == {*network.decoder.parameters(), *network.segmentation_head.parameters()}


def test_frozen_batch_norms_keep_statistics_scales_and_shifts(rooms, rooms_split):
    training = begin(rooms, rooms_split, "batch_norms")
    network = training.objective.network
    norms = [one for one in network.encoder.modules() if isinstance(one, nn.BatchNorm2d)]
    before, others = [state(one) for one in norms], state(network)
    after(training, 2)
    assert len(norms) == 20
    assert not any(changed(then, now) for then, now in zip(before, norms, strict=True))
    assert {"encoder.conv1.weight", "decoder.blocks.0.conv1.1.running_mean"} <= changed(
        others, network
    )


def test_the_last_stage_of_an_auxiliary_head_keeps_its_batch_norms_too():
    stage = small_stage(
        network=SMALL_RESNET,
        objective={"name": "self_training"},
        batch={"labelled": 2, "unlabelled": 2},
        pseudo_masks="earlier",
    )
    blueprint = Blueprint(
        Network.model_validate(NETWORK | {"frozen": "batch_norms"}), {"segmentation": 7}
    )
    head = build(stage.objective, blueprint).train().auxiliary
    norms = [one for one in head.encoder.modules() if isinstance(one, nn.BatchNorm2d)]
    assert norms
    assert not any(one.training or one.weight.requires_grad for one in norms)
    assert head.encoder.training


def test_a_teacher_shares_what_is_frozen_and_follows_in_the_rest(rooms, rooms_split):
    training = begin(rooms, rooms_split, "encoder", averaging={"decay": 0.9}, **TEACHER)
    student, teacher = training.objective.network, training.objective.teacher
    assert teacher.network.encoder is student.encoder
    assert training.ema.network.encoder is student.encoder
    before = state(student)
    after(training, 2)
    assert not any(name.startswith("encoder.") for name in changed(before, teacher.network))
    assert changed(state(student), teacher.network), "the mean of two steps"
    with torch.no_grad():
        inputs = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
        alone = copy.deepcopy(teacher.network).eval()
        assert torch.equal(teacher(*inputs)["segmentation"], alone(*inputs)["segmentation"])


def test_shared_batch_norms_are_the_students():
    network = Segmenter(
        Network.model_validate(NETWORK | {"frozen": "batch_norms"}), {"segmentation": 7}
    )
    teacher = Teacher(network, 0.9)
    assert teacher.network.encoder.bn1 is network.encoder.bn1
    assert teacher.network.encoder.conv1 is not network.encoder.conv1


def test_a_resumed_training_ends_as_a_whole_one(rooms, rooms_split):
    whole = after(begin(rooms, rooms_split, "encoder", **TEACHER), 4)
    stopped = after(begin(rooms, rooms_split, "encoder", **TEACHER), 2)
    resumed = begin(rooms, rooms_split, "encoder", **TEACHER)
    resumed.load_state_dict(copy.deepcopy(stopped.state_dict()))
    after(resumed, 2)
    for name, tensor in whole.objective.state_dict().items():
        if isinstance(tensor, Tensor):
            assert torch.equal(resumed.objective.state_dict()[name], tensor), name


@pytest.mark.parametrize("frozen", ["batch_norms", "encoder"])
def test_weights_are_transferred_and_those_that_result_are_loaded(
    rooms, rooms_split, tmp_path, frozen: str
):
    first, second = tmp_path / "first", tmp_path / "second"
    assert train(Inputs(rooms, rooms_split), small_stage(network=SMALL_RESNET, steps=4), 0, first)
    given = load_weights(first / WEIGHTS)
    stage = small_stage(network=NETWORK | {"frozen": frozen, "weights": "none"}, steps=4,
                        start_from="first")  # fmt: skip
    assert train(Inputs(rooms, rooms_split, first / WEIGHTS), stage, 1, second)
    network, _ = load_segmenter(second / WEIGHTS, torch.device("cpu"))
    kept = "encoder." if frozen == "encoder" else "encoder.bn1."
    found = {n: one for n, one in network.state_dict().items() if n.startswith(kept)}
    assert found
    assert all(torch.equal(one, given[name]) for name, one in found.items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"weights": "none", "frozen": "encoder"}}, "starts from random weights"),
        (
            {
                "network": {"weights": "none", "frozen": "batch_norms"},
                "start_from": "earlier",
                "transfer": ["decoder"],
            },
            "starts from random weights",
        ),
        (
            {
                "network": {"frozen": "encoder"},
                "objective": {"name": "simclr"},
                "batch": {"all": 4},
                "evaluation": {"metric": "loss"},
            },
            "simclr trains nothing else",
        ),
        (
            {
                "network": {"frozen": "encoder"},
                "objective": {"name": "self_training"},
                "batch": {"labelled": 2, "unlabelled": 2},
                "pseudo_masks": "earlier",
            },
            "own_blocks is 2, but network.frozen keeps the encoder",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict, message: str):
    with pytest.raises(ValidationError, match=message):
        small_stage(**changes)
