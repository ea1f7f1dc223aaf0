"""What planning refuses."""

import pytest
from pydantic import ValidationError

from tests.conftest import small_stage

TWO = {"name": "supervised", "losses": ["cross_entropy", "dice"]}
ALL = ["uncertainty", "dynamic_weight_average", "nash_mtl", "pcgrad", "cagrad"]


@pytest.mark.parametrize("name", ALL)
def test_one_loss_is_refused(name: str):
    with pytest.raises(ValidationError, match=f"{name} needs two losses.*only cross_entropy"):
        small_stage(weighting={"name": name})
    assert small_stage(weighting={"name": name}, objective=TWO).weighting.name == name


def test_a_weight_of_no_loss_is_refused():
    with pytest.raises(ValidationError, match=r"names dise; .* losses are cross_entropy, dice"):
        small_stage(weighting={"name": "fixed", "weights": {"dise": 1}}, objective=TWO)


def test_a_period_of_epochs_is_told_in_steps():
    stage = small_stage(weighting={"name": "dynamic_weight_average"}, objective=TWO)
    assert stage.in_steps({"labelled": 30}).weighting.period == 8  # 30 images, 4 in a batch
    assert small_stage().in_steps({"labelled": 30}).weighting == small_stage().weighting


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "cagrad", "c": 1.0},
        {"name": "cagrad", "c": -0.1},
        {"name": "nash_mtl", "update_weights_every": 0},
        {"name": "nash_mtl", "max_norm": 0},
        {"name": "dynamic_weight_average", "period": 0},
        {"name": "dynamic_weight_average", "temperature": 0},
        {"name": "uncertainty", "learning_rate": 0},
        {"name": "uncertainty", "initial_log_variance": float("inf")},
        {"name": "fixed", "weights": {"dice": -1}},
        {"name": "pcgrad", "c": 0.5},
    ],
    ids=str,
)
def test_values_that_cannot_be_are_refused(settings: dict):
    with pytest.raises(ValidationError):
        small_stage(weighting=settings, objective=TWO)
