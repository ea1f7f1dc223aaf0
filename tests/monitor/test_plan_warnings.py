"""What a plan warns of."""

from pathlib import Path

import pytest

from fewmask.monitor.plan_warnings import warnings
from fewmask.planning.grid import load_grid
from tests.small_project import change_config, write_project, write_refined


@pytest.mark.parametrize(
    ("decay", "steps", "mend"),
    [
        (0.99, 600, None),
        (0.9, 60, None),
        (0.99, 599, "more steps, or teacher_decay: 0.98"),
        (0.9, 30, "more steps, or teacher_decay: 0.6"),
        (0.9, 8, "more steps"),
        (0.999, "20 epochs", None),
    ],
)
def test_a_teacher_that_is_too_slow_for_its_training(
    project: Path, decay: float, steps: int | str, mend: str | None
):
    """A decay of 0.99 averages 100 steps, a sixth of 600; a twelfth of 599 are 50."""
    write_project(project)
    write_refined(project)
    settings = {"steps": steps, "objective": {"teacher_decay": decay}}
    overrides = [{"when": {"stage": "refined"}, "settings": settings}]
    change_config(project, "config", methods=["supervised", "refined"], overrides=overrides)
    change_config(project, "config", search={"trials": 4})
    told = list(warnings(load_grid()))
    assert len(told) == (mend is not None), "once, not for every fraction, seed and trial"
    if mend:
        average = f"{decay:g} makes a teacher of the last {1 / (1 - decay):.0f} steps, of only"
        assert told[0].startswith(f"refined: refined: objective.teacher_decay: {average} {steps}")
        assert told[0].endswith(f"mend: {mend}")
