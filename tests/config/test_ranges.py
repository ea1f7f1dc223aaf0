"""Ranges of settings, and those that are declared beside the settings of every method."""

import json
import math
import re
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewmask.config.changes import with_changes
from fewmask.config.named import names_in
from fewmask.config.ranges import Choice, Linear, Log, LogToOne, Ranges, Whole
from fewmask.config.stage import Stage
from fewmask.planning.stages import Resolver

ROOT = Path(__file__).parents[2]
KINDS = [Linear(0.5, 0.99), Log(1e-5, 1e-2), LogToOne(0.9, 0.9995), Whole(3, 9)]
shares = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("interval", KINDS, ids=str)
@given(share=shares, other=shares)
def test_values_lie_inside_and_rise(interval, share, other):
    low, high = sorted([share, other])
    assert interval.low <= interval.at(low) <= interval.at(high) <= interval.high


@pytest.mark.parametrize("interval", KINDS[:3], ids=str)
@given(share=shares)
def test_the_share_of_a_value_is_the_one_that_it_was_drawn_at(interval, share):
    assert interval.share(interval.at(share)) == pytest.approx(share, abs=2e-3)


def test_values_beside_the_range_lie_at_its_ends():
    """As those that a method has as written: Adam's weight decay of 0, say."""
    assert Log(1e-4, 1e-2).share(0) == 0
    assert LogToOne(0.9, 0.999).share(1) == 1
    assert Linear(0.0, 1.0).share(2) == 1


def test_the_middle_of_each_kind():
    assert Linear(0.0, 1.0).at(0.5) == 0.5
    assert Log(1e-4, 1e-2).at(0.5) == 1e-3
    assert LogToOne(0.9, 0.999).at(0.5) == 0.99


@given(share=shares)
def test_every_whole_number_and_every_choice_is_equally_likely(share):
    assert Whole(3, 9).at(share) == 3 + math.floor(7 * share)
    assert Choice(("a", "b", "c")).at(share) == "abc"[math.floor(3 * share)]


class TestNarrowing:
    def test_a_part_is_taken(self):
        assert Log(1e-4, 1e-2).narrowed([1e-3, 1e-2]) == Log(1e-3, 1e-2)
        assert Whole(3, 9).narrowed([4, 4]) == Whole(4, 4)
        assert Choice(("a", "b")).narrowed(["b"]) == Choice(("b",))

    @pytest.mark.parametrize(
        ("declared", "to", "message"),
        [
            (Log(1e-4, 1e-2), [1e-5, 1e-3], "wider than the setting's own range, [0.0001, 0.01]"),
            (Log(1e-4, 1e-2), [1e-3, 1], "wider"),
            (Log(1e-4, 1e-2), [1e-2, 1e-3], "expected two numbers, the smaller one first"),
            (Log(1e-4, 1e-2), [1e-3], "expected two numbers"),
            (Log(1e-4, 1e-2), ["small", "large"], "expected two numbers"),
            (Log(1e-4, 1e-2), [math.nan, math.inf], "expected two numbers"),
            (Whole(3, 9), [4, 5.5], "expected two whole numbers"),
            (Whole(3, 9), [True, 5], "expected two whole numbers"),
            (Choice(("a", "b")), ["c"], "expected some of a, b"),
            (Choice(("a", "b")), [], "expected some of a, b"),
        ],
    )
    def test_anything_else_is_refused(self, declared, to, message):
        with pytest.raises(ValueError, match=re.escape(message)):
            declared.narrowed(to)


def stages_of_all_methods() -> list[Stage]:
    resolver = Resolver([])
    return [
        resolved.stage
        for method in names_in("methods")
        for resolved in resolver.stages(method, "oxford_pet", "n20")
    ]


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return stages_of_all_methods()


def ends(ranges: Ranges) -> dict[str, list]:
    return {
        name: [*one.values] if isinstance(one, Choice) else [one.low, one.high]
        for name, one in ranges.items()
    }


def test_no_range_holds_a_value_that_a_method_refuses(stages):
    """The ends of all ranges, of all stages of all methods, one by one and all together."""
    tried: dict[str, set] = defaultdict(set)
    for stage in {stage.shaping(): stage for stage in stages}.values():
        of_stage = ends(stage.ranges)
        for name, values in of_stage.items():
            for value in values:
                changed = json.loads(with_changes(stage, {name: value}).shaping())
                for key in name.split("."):
                    changed = changed[key]
                assert changed == value
                tried[name].add(value)
        for k in (0, -1):
            with_changes(stage, {name: values[k] for name, values in of_stage.items()})
    assert {"optimiser.learning_rate", "objective.confidence.threshold"} <= tried.keys()
    assert {"weighting.weights.consistency", "objective.colours.contrast"} <= tried.keys()
    assert len(tried) > 40


def test_the_settings_of_methods_lie_in_their_ranges(stages):
    """Where they do not, a search would try nothing that is like the method as it is written."""
    switched_off = {"objective.ramp_up", "objective.confidence.threshold"}
    for stage in stages:
        settings = json.loads(stage.shaping())
        for name, (low, high) in ends(stage.ranges).items():
            value = settings
            for key in name.split("."):
                value = value.get(key, 1) if isinstance(value, dict) else value
            is_off = value == 0 or (name in switched_off and value in (0, 1))
            assert is_off or low <= value <= high, (stage.objective.name, name, value)


def test_what_is_absent_has_no_range():
    stage = Stage.model_validate(
        {
            "network": {"encoder": "resnet18"},
            "objective": {"name": "fixmatch", "teacher_decay": None, "result": "student"},
            "optimiser": {"name": "sgd", "learning_rate": 0.01},
            "steps": 10,
            "batch": {"labelled": 2, "unlabelled": 2},
        }
    )
    assert "objective.teacher_decay" not in stage.ranges
    assert "objective.mixing.probability" in stage.ranges
    assert "objective.mixing.probability" not in with_changes_of_mixing(stage).ranges
    assert stage.ranges["optimiser.learning_rate"] == Log(1e-4, 0.1)


def with_changes_of_mixing(stage: Stage) -> Stage:
    settings = stage.model_dump(mode="json")
    settings["objective"]["mixing"] = None
    return Stage.model_validate(settings)
