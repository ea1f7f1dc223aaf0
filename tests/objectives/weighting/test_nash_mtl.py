"""Nash-MTL against an independent convex solver, and what must hold of any bargain."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from fewmask.objectives.weighting.nash_mtl.weighting import nash_bargain
from tests.objectives.weighting.making import OFF, Slopes, gramian_of, weighting

KINDS = ["random", "scales", "parallel", "opposed"]


def problem(kind: str, seed: int) -> np.ndarray:
    """Gradients of 2 to 5 tasks, one in a row."""
    draw = np.random.default_rng([seed, KINDS.index(kind)])
    count = draw.integers(2, 6)
    rows = draw.normal(size=(count, 30))
    if kind == "scales":
        rows *= 10 ** draw.uniform(-4, 4, size=(count, 1))
    if kind == "parallel":
        rows = rows[:1] * draw.uniform(0.1, 10, size=(count, 1)) + 1e-6 * rows
    if kind == "opposed":
        rows[1] = -rows[0] * draw.uniform(0.5, 2) + 1e-2 * rows[1]
    return rows


def solved_by_scipy(rows: np.ndarray) -> np.ndarray:
    """The minimum of alpha' K alpha / 2 - sum log alpha, over the logarithms of alpha."""
    norms = np.linalg.norm(rows, axis=1)
    units = rows / norms[:, None]

    def value(logs: np.ndarray) -> float:
        return 0.5 * np.sum((np.exp(logs) @ units) ** 2) - logs.sum()

    def slope(logs: np.ndarray) -> np.ndarray:
        alpha = np.exp(logs)
        return alpha * (units @ (alpha @ units)) - 1

    def curvature(logs: np.ndarray) -> np.ndarray:
        alpha = np.exp(logs)
        products = alpha[:, None] * (units @ units.T) * alpha
        return products + np.diag(alpha * (units @ (alpha @ units)))

    found = minimize(
        value,
        np.zeros(len(rows)),
        jac=slope,
        hess=curvature,
        method="trust-exact",
        options={"gtol": 1e-9, "maxiter": 10_000},
    )
    return np.exp(found.x) / norms


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_what_a_convex_solver_finds(kind: str):
    for seed in range(50):
        rows = problem(kind, seed)
        gramian = torch.from_numpy(rows @ rows.T)
        alpha = nash_bargain(gramian)
        expected = torch.from_numpy(solved_by_scipy(rows))
        assert torch.allclose(alpha, expected, rtol=1e-6, atol=0), (kind, seed)
        assert (alpha * (gramian @ alpha) - 1).abs().max() < 1e-6, (kind, seed)
        assert (alpha > 0).all()


def test_orthogonal_and_parallel_gradients_by_hand():
    # Orthogonal: alpha_t = 1 / norm. Parallel: alpha_t = 1 / (norm sqrt(T)).
    orthogonal = torch.diag(torch.tensor([2.0, 5.0]))
    assert nash_bargain(gramian_of(orthogonal)).tolist() == pytest.approx([1 / 2, 1 / 5])
    parallel = torch.tensor([[3.0, 4.0], [6.0, 8.0]])
    expected = [1 / (5 * 2**0.5), 1 / (10 * 2**0.5)]
    assert nash_bargain(gramian_of(parallel)).tolist() == pytest.approx(expected)


@given(st.integers(0, 10_000), st.sampled_from(KINDS), st.randoms())
def test_tasks_in_another_order_have_the_same_weights(seed: int, kind: str, random):
    rows = torch.from_numpy(problem(kind, seed))
    order = list(range(len(rows)))
    random.shuffle(order)
    alpha = nash_bargain(gramian_of(rows))
    assert torch.allclose(nash_bargain(gramian_of(rows[order])), alpha[order], rtol=1e-4)


@given(st.integers(0, 10_000), st.sampled_from(KINDS), st.floats(1e-6, 1e6))
def test_the_scale_of_a_loss_does_not_matter(seed: int, kind: str, factor: float):
    rows = torch.from_numpy(problem(kind, seed))
    alpha = nash_bargain(gramian_of(rows))
    rows[0] *= factor
    alpha[0] /= factor
    assert torch.allclose(nash_bargain(gramian_of(rows)), alpha, rtol=1e-4, atol=0)


def test_no_bargain_where_gradients_cancel():
    gradient = torch.randn(30)
    rows = torch.stack([gradient, -2 * gradient])
    assert nash_bargain(gramian_of(rows)).isnan().all()


def test_weights_stay_and_it_is_said_where_gradients_cancel(capsys: pytest.CaptureFixture):
    method, gradient = weighting("nash_mtl", max_norm=None), torch.randn(30)
    opposed = Slopes(torch.stack([gradient, -gradient]))
    agreeing = Slopes(torch.stack([gradient, torch.randn(30)]))
    method.backward(agreeing.losses(), agreeing, OFF, step=0)
    before = method.weights.clone()
    values = method.backward(opposed.losses(), opposed, OFF, step=1)
    assert torch.equal(method.weights, before)
    assert not torch.equal(before, torch.ones(2))
    assert opposed.own_gradients == pytest.approx(before.tolist())
    assert values["weights_kept"] == 1
    assert "step 1: NashMTL finds no weight for a, b" in capsys.readouterr().err
    for step in range(2, 30):
        values = method.backward(opposed.losses(), opposed, OFF, step)
    assert method.times_kept == 29
    assert capsys.readouterr().err.count("finds no weight") == 1  # the tenth time
    assert method.backward(agreeing.losses(), agreeing, OFF, 30)["weights_kept"] == 0


def test_a_task_without_a_gradient_keeps_its_weight_and_the_others_bargain(
    capsys: pytest.CaptureFixture,
):
    rows = torch.randn(3, 30)
    rows[1] = 0
    method, objective = weighting("nash_mtl", losses=3, max_norm=None), Slopes(rows)
    method.weights = torch.tensor([9.0, 7.0, 8.0])
    method.backward(objective.losses(), objective, OFF, step=0)
    others = nash_bargain(gramian_of(rows[[0, 2]])).tolist()
    assert method.weights.tolist() == pytest.approx([others[0], 7.0, others[1]])
    assert "no weight for b, whose" in capsys.readouterr().err


def test_no_task_with_a_gradient_changes_nothing():
    objective, method = Slopes(torch.zeros(2, 30)), weighting("nash_mtl")
    method.backward(objective.losses(), objective, OFF, step=0)
    assert method.weights.tolist() == [1, 1]


def test_shared_parameters_get_the_clipped_sum_and_own_ones_their_weight():
    rows = torch.randn(3, 30)
    alpha = nash_bargain(gramian_of(rows)).float()
    for max_norm in (None, 0.5):
        objective = Slopes(rows)
        method = weighting("nash_mtl", losses=3, max_norm=max_norm)
        values = method.backward(objective.losses(), objective, OFF, step=0)
        expected = alpha @ rows
        assert expected.norm() == pytest.approx(3**0.5)  # alpha' K alpha is the number of tasks
        if max_norm:
            expected *= max_norm / expected.norm()
        assert torch.allclose(objective.shared_gradient, expected, rtol=1e-4, atol=1e-6)
        assert objective.own_gradients == pytest.approx(alpha.tolist(), rel=1e-5)
        assert [values[f"weight_{name}"].item() for name in "abc"] == pytest.approx(alpha.tolist())


def test_between_two_updates_the_last_weights_are_used():
    first, second = torch.randn(2, 30), torch.randn(2, 30)
    method = weighting("nash_mtl", update_weights_every=3, max_norm=None)
    weights = []
    for step, rows in enumerate([first, second, second, second]):
        objective = Slopes(rows)
        method.backward(objective.losses(), objective, OFF, step)
        weights.append(method.weights)
        assert torch.allclose(objective.shared_gradient, method.weights @ rows, atol=1e-5)
        assert objective.own_gradients == pytest.approx(method.weights.tolist())
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])
    assert torch.allclose(weights[0].double(), nash_bargain(gramian_of(first)))
    assert torch.allclose(weights[3].double(), nash_bargain(gramian_of(second)))


def test_weights_that_an_overflow_prevented_are_made_up_for_at_the_next_step():
    rows, method = torch.randn(2, 30), weighting("nash_mtl", update_weights_every=3)
    for step, factor in enumerate([torch.inf, torch.inf, 1.0, 2.0]):
        objective = Slopes(rows * factor)
        method.backward(objective.losses(), objective, OFF, step)
        if step == 1:
            assert method.weights.tolist() == [1, 1]
            assert method.overdue
            state = method.state_dict()
            method = weighting("nash_mtl", update_weights_every=3)
            method.load_state_dict(state)
        if step == 2:
            assert torch.allclose(method.weights.double(), nash_bargain(gramian_of(rows)))
    assert torch.allclose(method.weights.double(), nash_bargain(gramian_of(rows)) / 2)
