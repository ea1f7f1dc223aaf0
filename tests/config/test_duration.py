"""Durations in steps and in epochs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fewmask.config.duration import in_steps
from tests.conftest import small_stage


@pytest.mark.parametrize(
    ("duration", "steps_per_epoch", "expected"),
    [
        (7, 12.5, 7),
        ("60 epochs", 1323 / 32, 2481),  # 2480.6
        ("1 epoch", 32 / 32, 1),
        ("0.5 epochs", 10, 5),
        ("0.1 epochs", 30, 3),  # 3.0000000000000004 in floating point
    ],
)
def test_epochs_become_steps(duration: int | str, steps_per_epoch: float, expected: int):
    assert in_steps(duration, steps_per_epoch) == expected


@given(epochs=st.integers(1, 500), images=st.integers(1, 5000), batch=st.integers(1, 128))
def test_so_many_epochs_see_every_image_so_often(epochs: int, images: int, batch: int):
    steps = in_steps(f"{epochs} epochs", images / batch)
    assert (steps - 1) * batch < epochs * images <= steps * batch


@pytest.mark.parametrize(
    "value",
    [0, -3, 2.5, True, "60", "0 epochs", "sixty epochs", None, 2**62, "9" * 400 + " epochs"],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_duration_is_refused(value: object):
    with pytest.raises(ValidationError, match="a number of steps, 1 to 1,000,000,000, or of"):
        small_stage(steps=value, schedule={"name": "constant"})


def test_a_stage_in_steps():
    stage = small_stage(
        steps="10 epochs",
        schedule={"warmup_steps": "1 epoch"},
        evaluation={"every": "0.5 epochs", "patience": "2 epochs"},
    ).in_steps({"labelled": 12})
    assert (stage.steps, stage.schedule.warmup_steps) == (30, 3)
    assert (stage.evaluation.every, stage.evaluation.patience) == (2, 6)
    again = stage.in_steps({"labelled": 500})
    assert again == stage


def test_a_warm_up_as_long_as_the_training_is_refused():
    stage = small_stage(steps=12, schedule={"warmup_steps": "4 epochs"})
    assert stage.in_steps({"labelled": 11}).schedule.warmup_steps == 11
    with pytest.raises(ValueError, match=r"warmup_steps \(12\) must be fewer than steps \(12\)"):
        stage.in_steps({"labelled": 12})
