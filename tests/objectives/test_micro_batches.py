"""A batch that passes in parts gives the gradients of the whole batch, in the memory of a part."""

import copy
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from fewmask.data.store.store import Store
from fewmask.objectives.micro_batches import in_parts
from fewmask.training.building import build_training
from fewmask.training.loop import Training
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.data.making import scenes_store
from tests.training.gradients import STAGES, in_64_bits, inputs_of


@pytest.fixture(scope="module")
def geometry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes_store(tmp_path_factory.mktemp("geometry") / "rooms.h5", 36)


def begin(dataset: Path, split: Path, **changes) -> Training:
    evaluation = {"every": 5, "metric": "loss"}
    stage = small_stage(precision="fp32", evaluation=evaluation, **changes)
    with Store(dataset) as store:
        inputs = inputs_of(stage, dataset, split)
        return build_training(inputs, stage, 0, store, start("fp32", 1))


@pytest.mark.parametrize("title", STAGES)
def test_gradients_are_those_of_the_whole_batch(geometry: Path, rooms_split: Path, title: str):
    """With batch-norms that do not look at the batch; in 64 bits, where rounding plays no part."""
    found = []
    for micro_batches in (1, 2):
        changes = STAGES[title] | {"micro_batches": micro_batches}
        training = begin(geometry, rooms_split, **changes)
        objective = training.objective.train()
        for one in objective.modules():
            if isinstance(one, nn.BatchNorm2d):
                one.eval()
        in_64_bits(objective)
        torch.manual_seed(3)
        drawn = {role: training.augmented(one) for role, one in training.draws.at(0).items()}
        losses = objective.losses(drawn, 0)
        training.weighting.backward(losses, objective, training.scaler, 0)
        found.append({n: p.grad for n, p in objective.named_parameters() if p.grad is not None})
    whole, parts = found
    assert whole.keys() == parts.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-5, atol=1e-9, msg=name)


def norms() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(4, 2, 3)
    return nn.Sequential(*layers).double()


def test_batch_norm_sees_each_part_and_remembers_it_once():
    network, images = norms(), torch.rand(6, 3, 8, 8, dtype=torch.float64)
    other = copy.deepcopy(network)
    torch.manual_seed(1)
    found = in_parts(network, 3, network, images)
    torch.manual_seed(1)
    one_by_one = [other(images[i::3]) for i in range(3)]
    for i, expected in enumerate(one_by_one):
        torch.testing.assert_close(found[i::3], expected)
    found.square().mean().backward()
    torch.cat(one_by_one).square().mean().backward()
    torch.testing.assert_close(network.state_dict(), other.state_dict())
    assert network[1].num_batches_tracked == 3
    assert network[1].momentum == 0.1
    for mine, theirs in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_outputs_may_be_tuples_and_dictionaries_of_batches_of_several_sizes():
    module = nn.Identity()

    def function(few: Tensor, many: Tensor) -> tuple:
        return {"few": few * 2}, None, many + 1

    few, many = torch.arange(4.0), torch.arange(8.0)[:, None]
    of_few, nothing, of_many = in_parts(function, 2, module, few, many)
    assert torch.equal(of_few["few"], few * 2)
    assert nothing is None
    assert torch.equal(of_many, many + 1)


def test_only_images_and_outputs_are_kept_for_the_backward_pass():
    network, images = norms(), torch.rand(8, 3, 32, 32, dtype=torch.float64)

    def kept(parts: int) -> int:
        sizes: list[int] = []

        def keep(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            in_parts(network, parts, network, images).square().mean()
        return sum(sizes)

    outputs = 8 * 2 * 28 * 28
    assert kept(4) == images.numel() + outputs
    assert kept(1) > 3 * kept(4)


def test_a_resumed_training_ends_as_a_whole_one(rooms: Path, rooms_split: Path):
    def after(training: Training, steps: int) -> Training:
        training.objective.train()
        for _ in range(steps):
            training._update()
        training._settle()
        return training

    def new() -> Training:
        return begin(rooms, rooms_split, micro_batches=2)

    whole, stopped, resumed = after(new(), 4), after(new(), 2), new()
    resumed.load_state_dict(copy.deepcopy(stopped.state_dict()))
    after(resumed, 2)
    for name, tensor in whole.objective.state_dict().items():
        assert torch.equal(resumed.objective.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"micro_batches": 3}, "batch.labelled is 4, which 3 micro-batches cannot share"),
        (
            {"micro_batches": 2, "resources": {"processes": 4, "gpus": 4}},
            "batch.labelled is 4, which 2 micro-batches of 4 processes cannot share",
        ),
    ],
)
def test_a_batch_that_cannot_be_divided_is_refused(changes: dict, message: str):
    with pytest.raises(ValidationError, match=message):
        small_stage(**changes)
