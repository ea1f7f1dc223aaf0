"""What of a stage shapes its weights, and what says only how it runs."""

import json

import pytest
from pydantic import ValidationError

from fewmask.config.stage import Stage, TrainingSettings
from tests.conftest import small_stage

HOW_IT_RUNS = {
    "resources": {"processes": 4, "gpus": 4},
    "checkpoint_minutes": 1,
    "dataset": "rooms",
}


def test_how_a_stage_runs_is_none_of_what_shapes_its_weights():
    assert small_stage(**HOW_IT_RUNS).shaping() == small_stage().shaping()
    assert Stage.model_fields.keys() - TrainingSettings.model_fields.keys() == set(HOW_IT_RUNS)


def test_a_training_is_passed_all_that_shapes_its_weights():
    stage = small_stage(**HOW_IT_RUNS)
    training = TrainingSettings.model_validate_json(stage.shaping())
    for name in TrainingSettings.model_fields:
        assert getattr(training, name) == getattr(stage, name), name
    assert training.shaping() == stage.shaping()


@pytest.mark.parametrize("key", HOW_IT_RUNS)
def test_a_training_is_not_passed_how_it_runs(key: str):
    settings = json.loads(small_stage().shaping())
    with pytest.raises(ValidationError, match=key):
        TrainingSettings.model_validate(settings | {key: HOW_IT_RUNS[key]})


@pytest.mark.parametrize("key", ["most_reliable", "most_confident"])
def test_a_share_of_pseudo_masks_needs_some(key: str):
    with pytest.raises(ValidationError, match=f"{key} is below 1, but supervised learns no"):
        small_stage(**{key: 0.5})


def test_a_share_of_labelled_images_needs_some():
    alone = {"objective": {"name": "simclr"}, "batch": {"all": 4}, "evaluation": {"metric": "loss"}}
    assert small_stage(**alone)
    with pytest.raises(ValidationError, match="labelled_share is below 1, but batch draws no"):
        small_stage(**alone, labelled_share=0.5)
