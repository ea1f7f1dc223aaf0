"""The moving average against its closed form, in shares of all that it has followed."""

import numpy as np
import pytest
import torch
from torch import nn

from fewmask.networks.teacher import Teacher


class Numbers(nn.Module):
    """A parameter, a statistic and a count."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("statistic", torch.zeros(1))
        self.register_buffer("count", torch.tensor(0))

    def now(self, weight: float, statistic: float, count: int) -> "Numbers":
        self.weight.data.fill_(weight)
        self.statistic.fill_(statistic)
        self.count.fill_(count)
        return self


def shares(updates: int, decay: float) -> np.ndarray:
    """Of everything that was followed, how much the average holds: the product of what each update
    keeps, min(1 - 1 / (k + 1), decay)."""
    kept = np.minimum(1 - 1 / np.arange(1, updates + 1), decay)
    return (1 - kept) * np.append(np.cumprod(kept[:0:-1])[::-1], 1)


@pytest.mark.parametrize(("updates", "decay"), [(1, 0.9), (7, 0.99), (40, 0.9), (40, 0.5)])
def test_it_is_the_closed_form_and_counts_are_copied(updates: int, decay: float):
    followed = np.random.default_rng(0).normal(size=(updates, 2))
    other = Numbers()
    average = Teacher(other.now(100, 100, 100), decay)
    for k, (weight, statistic) in enumerate(followed):
        average.update(other.now(weight, statistic, 3 * k + 1))
    weights = shares(updates, decay)
    assert weights.sum() == pytest.approx(1), "nothing is left of what it was made with"
    found = [average.network.weight.item(), average.network.statistic.item()]
    assert found == pytest.approx((weights @ followed).tolist(), rel=1e-4, abs=1e-6)
    assert average.network.count == 3 * (updates - 1) + 1


def test_until_the_decay_is_reached_it_is_the_plain_mean():
    assert shares(20, 0.999).tolist() == pytest.approx([1 / 20] * 20)
    other = Numbers()
    average = Teacher(other, 0.999)
    for k in range(2000):
        average.update(other.now(float(k < 10), 0, 0))
    assert average.network.weight.item() < 0.006, "of the first weights next to nothing remains"


def test_a_saved_one_goes_on():
    other = Numbers()
    whole, stopped = Teacher(other, 0.9), Teacher(other, 0.9)
    for k in range(6):
        other.now(k, -k, k)
        whole.update(other)
        if k == 3:
            state = stopped.state_dict()
            stopped = Teacher(other, 0.9)
            stopped.load_state_dict(state)
        stopped.update(other)
    assert torch.equal(whole.network.weight, stopped.network.weight)
    assert torch.equal(whole.network.statistic, stopped.network.statistic)
