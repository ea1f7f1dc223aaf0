"""PCGrad: the projections of its paper, written out with whole gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.objectives.weighting.making import OFF, Slopes, gramian_of, weighting


def projected(rows: torch.Tensor) -> torch.Tensor:
    """Algorithm 1 on the gradients themselves; orders as torch's generator gives them."""
    results = rows.clone()
    for i in range(len(rows)):
        for j in torch.randperm(len(rows)):
            if i != j and torch.dot(results[i], rows[j]) < 0:
                results[i] -= torch.dot(results[i], rows[j]) / torch.dot(rows[j], rows[j]) * rows[j]
    return results


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 10))
def test_it_is_the_naive_loop(seed: int, tasks: int, parameters: int):
    rows = torch.randn(tasks, parameters, generator=torch.Generator().manual_seed(seed)).double()
    torch.manual_seed(seed)
    expected = projected(rows).sum(dim=0)
    torch.manual_seed(seed)
    weights = weighting("pcgrad", tasks)(gramian_of(rows))
    assert torch.allclose(weights @ rows, expected, atol=1e-9)


@given(st.integers(0, 10_000))
def test_of_two_tasks_neither_loses(seed: int):
    rows = torch.randn(2, 4, generator=torch.Generator().manual_seed(seed)).double()
    update = weighting("pcgrad")(gramian_of(rows)) @ rows
    assert (rows @ update > -1e-9).all()


def test_gradients_that_agree_are_summed_and_those_that_conflict_projected():
    agreeing = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    assert weighting("pcgrad")(gramian_of(agreeing)).tolist() == [1, 1]
    # (1, 0) loses its part along (-1, 1), and the other way round: (.5, .5) + (0, 1).
    conflicting = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
    objective = Slopes(conflicting)
    weighting("pcgrad").backward(objective.losses(), objective, OFF, step=0)
    assert objective.shared_gradient.tolist() == pytest.approx([0.5, 1.5])
    assert objective.own_gradients == [1, 1]


def test_a_task_without_a_gradient_conflicts_with_none():
    rows = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert weighting("pcgrad")(gramian_of(rows)).tolist() == [1, 1]


def test_the_order_follows_from_the_seed():
    rows = torch.randn(5, 3)
    method = weighting("pcgrad", 5)

    def weights(seed: int) -> list[float]:
        torch.manual_seed(seed)
        return method(gramian_of(rows)).tolist()

    assert weights(3) == weights(3)
    assert len({tuple(weights(seed)) for seed in range(10)}) > 1
