"""Fixed, uncertainty and dynamic weight average against their formulas and cases by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.objectives.weighting.making import OFF, Slopes, weighting

POSITIVE = st.floats(1e-3, 1e3)


def values(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers)


def test_fixed_weights_are_those_of_the_settings_and_one_otherwise():
    objective = Slopes(torch.eye(2))
    method = weighting("fixed", weights={"b": 0.5})
    returned = method.backward(objective.losses(), objective, OFF, step=0)
    assert objective.shared_gradient.tolist() == [1, 0.5]
    assert objective.own_gradients == [1, 0.5]
    assert list(returned) == ["loss", "a", "b"]


def test_losses_are_told_apart_by_name_and_not_by_order():
    objective = Slopes(torch.eye(2))
    turned = dict(reversed(objective.losses().items()))
    weighting("fixed", weights={"b": 0.5}).backward(turned, objective, OFF, step=0)
    assert objective.shared_gradient.tolist() == [1, 0.5]
    with pytest.raises(ValueError, match="losses are a; its settings say a, b"):
        weighting("fixed").backward({"a": turned["a"]}, objective, OFF, step=0)


@given(st.lists(st.tuples(POSITIVE, st.floats(-5, 5)), min_size=2, max_size=5))
def test_uncertainty_is_its_formula(pairs: list[tuple[float, float]]):
    method = weighting("uncertainty", len(pairs))
    method.log_variances.data = values(*(s for _, s in pairs))
    losses = {
        name: torch.tensor(loss, requires_grad=True)
        for name, (loss, _) in zip("abcde", pairs, strict=False)
    }
    returned = method.backward(losses, nn.Module(), OFF, step=0)
    expected = 0.5 * sum(math.exp(-s) * loss + s for loss, s in pairs)
    assert returned["loss"].item() == pytest.approx(expected, rel=1e-4, abs=1e-4)
    slopes = [0.5 * (1 - math.exp(-s) * loss) for loss, s in pairs]
    assert method.log_variances.grad.tolist() == pytest.approx(slopes, rel=1e-4, abs=1e-5)
    for (_, s), loss in zip(pairs, losses.values(), strict=True):
        assert loss.grad.item() == pytest.approx(0.5 * math.exp(-s), rel=1e-5)


def test_uncertainty_settles_where_the_log_variance_is_the_log_of_the_loss():
    method = weighting("uncertainty", 3, initial_log_variance=-0.5)
    assert method.log_variances.tolist() == [-0.5] * 3
    losses = {"a": values(0.02)[0], "b": values(1.0)[0], "c": values(30.0)[0]}
    optimiser = torch.optim.Adam(method.parameters(), lr=0.05)
    for step in range(1500):
        optimiser.zero_grad()
        method.backward(losses, nn.Module(), OFF, step)
        optimiser.step()
    expected = [math.log(loss.item()) for loss in losses.values()]
    assert method.log_variances.tolist() == pytest.approx(expected, abs=1e-3)


def test_dynamic_weight_average_by_hand():
    method = weighting("dynamic_weight_average", period=2, temperature=2.0)
    # Means of the periods: (4, 1), (2, 1), (1, 2); so ratios (1/2, 1) and then (1/2, 2).
    losses = [(5, 1), (3, 1), (3, 0.5), (1, 1.5), (1, 2), (1, 2), (9, 9), (9, 9)]
    weights = [method(values(*pair), step).tolist() for step, pair in enumerate(losses)]
    third = [math.exp(0.25), math.exp(0.5)]
    fourth = [math.exp(0.25), math.exp(1.0)]
    expected = [[1, 1]] * 4 + [[2 * w / sum(third) for w in third]] * 2
    expected += [[2 * w / sum(fourth) for w in fourth]] * 2
    for found, right in zip(weights, expected, strict=True):
        assert found == pytest.approx(right)


@given(st.lists(st.tuples(POSITIVE, POSITIVE, POSITIVE), min_size=4, max_size=20))
def test_dynamic_weights_sum_to_the_number_of_losses(losses: list[tuple[float, float, float]]):
    method = weighting("dynamic_weight_average", 3, period=2)
    for step, triple in enumerate(losses):
        weights = method(values(*triple), step)
        assert weights.sum().item() == pytest.approx(3, rel=1e-4)
        assert (weights >= 0).all()


def test_a_loss_that_was_zero_counts_as_unchanged():
    method = weighting("dynamic_weight_average", period=1)
    for step, pair in enumerate([(1, 0), (1, 0), (1, 3), (1, 3), (1, 3)]):
        weights = method(values(*pair), step)
        assert weights.isfinite().all()
    assert weights.tolist() == [1, 1]
