"""Gradients of every task: through the real network, in any precision, however scaled."""

import pytest
import torch

from fewmask.objectives.supervised.objective import Supervised
from fewmask.objectives.weighting.by_gradients import gramian, task_gradients
from fewmask.objectives.weighting.weighting import Weighting, build
from tests.conftest import small_stage
from tests.objectives.test_supervised import OBJECTIVE, batch, built
from tests.objectives.weighting.making import OFF, Slopes, gramian_of, weighting

METHODS = ["nash_mtl", "pcgrad", "cagrad"]
NAMES = ("cross_entropy", "classification")


def two_heads() -> Supervised:
    objective = built(small_stage(objective=OBJECTIVE), categories=5)
    return objective.eval()  # the same losses, however often they are requested


def of_two_heads(method: str) -> Weighting:
    """A weighting of its losses, without clipping."""
    unclipped = {"max_norm": None} if method == "nash_mtl" else {}
    stage = small_stage(objective=OBJECTIVE, weighting={"name": method, **unclipped})
    return build(stage.weighting, NAMES)


def separate(objective: Supervised, drawn: dict) -> list[dict[str, torch.Tensor]]:
    """The gradient of each loss by name of the parameter, each by a forward pass of its own."""
    found = []
    for name in NAMES:
        objective.zero_grad()
        objective.losses(drawn, 0)[name].backward()
        parameters = objective.network.named_parameters()
        found.append({key: one.grad.clone() for key, one in parameters if one.grad is not None})
    objective.zero_grad()
    return found


def test_gradients_of_tasks_are_those_of_separate_backward_passes():
    objective, drawn = two_heads(), batch([1, 2, 3])
    named = dict(objective.network.named_parameters())
    expected = separate(objective, drawn)
    found = task_gradients([*objective.losses(drawn, 0).values()], [*named.values()])
    for task, gradient in zip(expected, found, strict=True):
        reached = {name: g for name, g in zip(named, gradient, strict=True) if g is not None}
        assert set(reached) == set(task)
        for name, one in reached.items():
            assert torch.allclose(one, task[name], rtol=1e-4, atol=1e-7), name
    assert not any(name.startswith("decoder") for name in expected[1])


@pytest.mark.parametrize("method", METHODS)
def test_the_update_of_the_real_network(method: str):
    objective, drawn = two_heads(), batch([1, 2, 3])
    first, second = separate(objective, drawn)
    one = of_two_heads(method)
    one.backward(objective.losses(drawn, 0), objective, OFF, step=0)
    shared = one.weights.tolist()
    own = shared if method == "nash_mtl" else [1.0, 1.0]
    for name, parameter in objective.network.named_parameters():
        weights = shared if name.startswith("encoder") else own
        terms = [w * g[name] for w, g in zip(weights, (first, second), strict=True) if name in g]
        if terms:
            assert torch.allclose(parameter.grad, sum(terms), rtol=1e-3, atol=1e-6), name
        else:
            assert parameter.grad is None, name


def test_the_gramian_is_that_of_whole_gradients():
    gradients = [
        (torch.randn(3, 4), None, torch.randn(5)),
        (torch.randn(3, 4), None, None),
        (None, None, torch.randn(5)),
    ]
    shapes = (12, 1, 5)
    rows = torch.stack(
        [
            torch.cat([torch.zeros(n) if g is None else g.flatten() for g, n in zip(one, shapes)])  # noqa: B905
            for one in gradients
        ]
    )
    assert torch.allclose(gramian(zip(*gradients, strict=True), 3), gramian_of(rows))


def test_the_gramian_of_large_kernels_whatever_their_memory_format():
    channels_last = torch.randn(64, 130, 3, 3).contiguous(memory_format=torch.channels_last)
    by_task = (channels_last, torch.randn(64, 130, 3, 3))  # more than one part of each
    rows = torch.stack([one.contiguous().flatten() for one in by_task])
    assert torch.allclose(gramian([by_task], 2), gramian_of(rows))


def test_the_gramian_does_not_round_away_what_sets_parallel_gradients_apart():
    first = torch.randn(10_000)
    second = first.clone()
    second[0] += 1e-3
    (a, b), (_, c) = gramian([(first, second)], 2).tolist()
    expected = (second - first).double().square().sum().item()
    assert a + c - 2 * b == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_the_scale_of_fp16_changes_nothing(method: str):
    rows = torch.randn(3, 8)
    plain, scaled = Slopes(rows), Slopes(rows)
    torch.manual_seed(0)
    weighting(method, 3).backward(plain.losses(), plain, OFF, step=0)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    torch.manual_seed(0)
    weighting(method, 3).backward(scaled.losses(), scaled, scaler, step=0)
    for one, other in zip(plain.parameters(), scaled.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad / 1024, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_that_overflow_change_no_weight_and_stay_to_be_seen(method: str, capsys):
    rows = torch.randn(2, 8)
    rows[0, 0] = torch.inf
    objective, one = Slopes(rows), weighting(method)
    one.backward(objective.losses(), objective, OFF, step=0)
    assert one.weights.tolist() == [1, 1]
    assert one.times_kept == 0
    assert not objective.shared_gradient.isfinite().all()
    assert not capsys.readouterr().err


@pytest.mark.parametrize("method", METHODS)
def test_frozen_parameters_are_left_alone(method: str):
    objective, drawn = two_heads(), batch([1, 2])
    objective.network.encoder.requires_grad_(False)
    one = of_two_heads(method)
    one.backward(objective.losses(drawn, 0), objective, OFF, step=0)
    assert all(parameter.grad is None for parameter in objective.network.encoder.parameters())
    assert objective.network.segmentation_head[0].weight.grad.abs().sum() > 0


def test_a_loss_without_a_graph_has_no_gradient():
    objective = Slopes(torch.eye(2))
    losses = objective.losses() | {"b": torch.tensor(0.0)}
    weighting("pcgrad").backward(losses, objective, OFF, step=0)
    assert objective.shared_gradient.tolist() == [1, 0]
    assert objective.own[1].grad is None
