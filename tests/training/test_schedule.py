"""The learning rate against hand-made cases, and properties of every schedule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewmask.config.schedule import Schedule
from fewmask.training.schedule import learning_rate_factor

NAMES = ["constant", "linear", "polynomial", "cosine"]


@pytest.mark.parametrize(
    ("name", "step", "expected"),
    [
        ("constant", 0, 0.1),  # warm-up: the first of 10 steps
        ("linear", 9, 1.0),  # the last step of the warm-up takes the whole rate
        ("linear", 10, 1.0),
        ("linear", 60, 0.5),  # half of the 100 steps after the warm-up
        ("linear", 109, 0.01),
        ("polynomial", 60, 0.5**0.9),
        ("cosine", 60, 0.5),
        ("cosine", 35, 0.8535533905932737),  # (1 + cos(pi / 4)) / 2
        ("constant", 109, 1.0),
    ],
)
def test_hand_made_cases(name: str, step: int, expected: float):
    schedule = Schedule(name=name, warmup_steps=10)
    assert learning_rate_factor(schedule, step, 110) == pytest.approx(expected, abs=1e-12)


@given(
    name=st.sampled_from(NAMES),
    warmup=st.integers(0, 50),
    after=st.integers(1, 200),
    power=st.floats(0.1, 3),
)
def test_rises_to_one_and_never_again(name: str, warmup: int, after: int, power: float):
    schedule = Schedule(name=name, warmup_steps=warmup, power=power)
    factors = [
        learning_rate_factor(schedule, step, warmup + after) for step in range(warmup + after)
    ]
    assert all(0 <= factor <= 1 for factor in factors)
    rising, falling = factors[: warmup + 1], factors[warmup:]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert factors[warmup] == 1
