"""Budgets of masks that cannot be are refused before any job starts."""

from pathlib import Path

import pytest
import yaml

from fewmask.core.errors import ConfigError
from fewmask.planning.grid import load_grid
from tests.planning.chain import write


@pytest.mark.parametrize(
    ("split", "fraction", "expected"),
    [
        ({}, "n3", "fractions: n3 of the dataset rooms: a budget of 3 masks, of which 3 are for"),
        ({"validation_share": 0.95}, "n9", "a budget of 9 masks, of which 9 are"),
        ({"validation_share": 0}, "n4", "no validation images to select by miou"),
        ({"validation_share": 1}, "n4", "validation_share: Input should be less than 1"),
        ({"least_validation": 0}, "n4", "greater than or equal to 1"),
        ({"masks": "some"}, "n4", "labelled, budget"),
        (
            {"folds": 5},
            "n4",
            "fractions: n4 of the dataset rooms: 4 masks cannot be divided into 5",
        ),
        ({"folds": 1}, "n4", "folds: Input should be greater than or equal to 2"),
        ({"folds": 2, "masks": "labelled"}, "n4", "folds divide a budget of masks"),
        ({"folds": 3}, "n4", "expected: also 2"),
        ({"folds": 2, "validation_share": 0.5}, "n4", "folds and validation_share: give one"),
    ],
)
def test_a_budget_of_masks_that_cannot_be(small: Path, split: dict, fraction: str, expected: str):
    rooms = {
        "reader": {"name": "scenes", "images": 50}, "classes": ["a", "b"], "size": 64,
        "split": {"masks": "budget"} | split,
    }  # fmt: skip
    write("datasets/rooms", yaml.safe_dump(rooms))
    evaluation = {"when": {"stage": "first"}, "settings": {"evaluation": {"metric": "miou"}}}
    with pytest.raises(ConfigError) as caught:
        load_grid(config={"fractions": [fraction], "overrides": [evaluation]})
    assert expected in str(caught.value)
