"""CAGrad against a fine grid over all mixtures, and against the problem that it is the dual of."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from tests.objectives.weighting.making import OFF, Slopes, gramian_of, weighting


def by_grid(rows: torch.Tensor, c: float) -> torch.Tensor:
    """The update of two tasks: the best of 200,001 mixtures, by whole gradients."""
    share = torch.linspace(0, 1, 200_001, dtype=torch.float64)[:, None]
    mixtures = share * rows[0] + (1 - share) * rows[1]
    mean = rows.mean(dim=0)
    values = mixtures @ mean + c * mean.norm() * mixtures.norm(dim=1)
    best = mixtures[values.argmin()]
    return mean + c * mean.norm() * best / best.norm()


@pytest.mark.parametrize("c", [0.2, 0.5, 0.9])
def test_two_tasks_against_a_grid(c: float):
    for seed in range(50):
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randn(2, 5, generator=generator).double()
        rows[1] *= 10 ** (seed % 5 - 2)
        update = weighting("cagrad", c=c, rescale=False)(gramian_of(rows)) @ rows / 2
        expected = by_grid(rows, c)
        assert (update - expected).norm() < 1e-3 * expected.norm(), seed


def by_scipy(rows: np.ndarray, c: float) -> float:
    """How much the worst-off task gains by the best update, found among the updates themselves."""
    mean = rows.mean(axis=0)
    radius = c * np.linalg.norm(mean)
    found = minimize(
        lambda x: -x[-1],
        np.append(mean, (rows @ mean).min()),
        method="SLSQP",
        constraints=[
            {"type": "ineq", "fun": lambda x: rows @ x[:-1] - x[-1]},
            {"type": "ineq", "fun": lambda x: radius**2 - np.sum((x[:-1] - mean) ** 2)},
        ],
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    return found.x[-1]


def test_more_tasks_against_the_primal_problem():
    for seed in range(40):
        draw = np.random.default_rng(seed)
        rows = draw.normal(size=(draw.integers(2, 6), 6)) + 0.3
        tasks = len(rows)
        method = weighting("cagrad", tasks, rescale=False)
        update = method(gramian_of(torch.from_numpy(rows))).numpy() @ rows / tasks
        mean = rows.mean(axis=0)
        assert np.linalg.norm(update - mean) <= 0.5 * np.linalg.norm(mean) * (1 + 1e-6)
        assert (rows @ update).min() == pytest.approx(by_scipy(rows, 0.5), abs=1e-4)


def official(rows: np.ndarray, c: float) -> np.ndarray:
    """The shared gradient by the formulas of the authors' code (Cranial-XIX/CAGrad, rescale 1;
    times the number of tasks, "to match the sum loss")."""
    mean = rows.mean(axis=0)
    radius = c * np.linalg.norm(mean)
    found = minimize(
        lambda w: w @ rows @ mean + radius * np.linalg.norm(w @ rows),
        np.full(len(rows), 1 / len(rows)),
        bounds=[(0, 1)] * len(rows),
        constraints={"type": "eq", "fun": lambda w: 1 - w.sum()},
    )
    worst = found.x @ rows
    return len(rows) * (mean + radius * worst / np.linalg.norm(worst)) / (1 + c**2)


@pytest.mark.parametrize("c", [0.2, 0.4, 0.9])
def test_unless_told_otherwise_the_update_is_that_of_the_authors_code(c: float):
    for seed in range(20):
        rows = np.random.default_rng(seed).normal(size=(3, 6)) + 0.3
        update = weighting("cagrad", 3, c=c)(gramian_of(torch.from_numpy(rows))).numpy() @ rows
        assert update == pytest.approx(official(rows, c), rel=1e-2, abs=1e-2)


def test_without_a_radius_it_is_the_plain_sum():
    assert weighting("cagrad", 3, c=0)(gramian_of(torch.randn(3, 9))).tolist() == [1, 1, 1]


@given(st.integers(0, 10_000), st.randoms())
def test_tasks_in_another_order_have_the_same_weights(seed: int, random):
    rows = torch.randn(4, 8, generator=torch.Generator().manual_seed(seed)).double()
    order = list(range(4))
    random.shuffle(order)
    method = weighting("cagrad", 4)
    weights = method(gramian_of(rows))
    assert torch.allclose(method(gramian_of(rows[order])), weights[order], atol=1e-3)


@pytest.mark.parametrize(
    "rows",
    [
        torch.zeros(2, 4),
        torch.tensor([[1.0, 2.0], [0.0, 0.0]]),
        torch.tensor([[1.0, 2.0], [-1.0, -2.0]]),
        torch.tensor([[1.0, 2.0], [-3.0, -6.0]]),
        torch.tensor([[1.0, 2.0], [1.0, 2.0]]),
        torch.tensor([[1e-9, 0.0], [0.0, 1e9]]),
    ],
    ids=["all zero", "one zero", "opposite", "cancelling", "equal", "scales"],
)
def test_degenerate_gradients_give_finite_weights(rows: torch.Tensor):
    weights = weighting("cagrad", rescale=False)(gramian_of(rows))
    assert weights.isfinite().all()
    mean, update = rows.double().mean(dim=0), weights @ rows.double() / 2
    assert (update - mean).norm() <= 0.5 * mean.norm() * (1 + 1e-6)


def test_shared_parameters_get_the_update_and_own_ones_the_plain_sum():
    objective = Slopes(torch.randn(3, 9))
    method = weighting("cagrad", 3)
    method.backward(objective.losses(), objective, OFF, step=0)
    assert torch.allclose(objective.shared_gradient, method.weights @ objective.rows, atol=1e-5)
    assert objective.own_gradients == [1, 1, 1]
