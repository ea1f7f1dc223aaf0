"""Pseudo-masks in the grid: which jobs make them, from which files, and where they are judged."""

from pathlib import Path

import pytest

from fewmask.core.cells import Run
from fewmask.core.errors import ConfigError
from fewmask.monitor.status import jobs, statuses
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from tests.planning.chain import METHOD, write

TEACHING = """\
extends: chain
stages:
  student:
    objective: {name: self_training}
    batch: {labelled: 1, unlabelled: 4}
    pseudo_masks: second
  last:
    objective: {name: self_training}
    batch: {labelled: 1, unlabelled: 4}
    start_from: student
    pseudo_masks: student
"""

EXPERIMENT = """\
title: Students
datasets: [rooms]
methods: [teaching, chain]
fractions: [0.05, n40]
seeds: [0]
"""

TEACHER = "results/stages/rooms/chain/n40/0/second"
STUDENT = "results/stages/rooms/teaching/n40/0/student"


@pytest.fixture
def teaching(small: Path) -> Path:
    """A project with a method that extends another and learns the pseudo-masks of its stage."""
    write("methods/teaching", TEACHING)
    write("config", EXPERIMENT)
    return small


def test_they_are_an_input_of_who_learns_them_and_their_quality_of_who_judges(teaching: Path):
    grid = load_grid()
    run = Run("rooms", "teaching", "n40", 0)
    assert [key.stage for key in grid.pseudo_labellers(run)] == ["second", "student"]
    student = grid.stages(run)[-2]
    assert (
        JobArguments(grid).train_inputs(student, 0)["pseudo_masks"] == f"{TEACHER}/pseudo_masks.h5"
    )
    assert (
        JobArguments(grid).train_options(student, 0) == f"--pseudo-masks {TEACHER}/pseudo_masks.h5"
    )
    assert JobArguments(grid).evaluate_inputs(run)["pseudo_masks"] == [
        f"{TEACHER}/pseudo_masks.json",
        f"{STUDENT}/pseudo_masks.json",
    ]
    assert JobArguments(grid).evaluate_inputs(Run("rooms", "chain", "n40", 0))["pseudo_masks"] == []


def test_those_of_a_stage_that_is_not_in_the_method_are_of_its_owner(teaching: Path):
    write(
        "methods/borrowing", "extends: teaching\nstages:\n  student: {pseudo_masks: chain/first}\n"
    )
    grid = load_grid(config={"methods": ["borrowing"]})
    run = Run("rooms", "borrowing", "n40", 0)
    first, student = JobArguments(grid).evaluate_inputs(run)["pseudo_masks"]
    assert first == "results/stages/rooms/chain/n40/0/first/pseudo_masks.json"
    assert student == "results/stages/rooms/borrowing/n40/0/student/pseudo_masks.json"


def test_an_upper_bounds_are_made_once_for_all_fractions(teaching: Path):
    write("methods/chain", METHOD.replace("  steps: 100", "  steps: 100\n  labels: all"))
    write("methods/teaching", TEACHING.replace("    batch", "    labels: fraction\n    batch"))
    grid = load_grid()
    made = {
        fraction: JobArguments(grid).evaluate_inputs(Run("rooms", "teaching", fraction, 0))[
            "pseudo_masks"
        ]
        for fraction in ("0.05", "n40")
    }
    assert made["0.05"][0] == made["n40"][0]
    assert made["0.05"][0] == "results/stages/rooms/chain/all/0/second/pseudo_masks.json"
    assert made["0.05"][1] != made["n40"][1]


def test_jobs_stand_in_their_order(teaching: Path):
    grid = load_grid()
    logs = [job.log for job in jobs(grid, Run("rooms", "teaching", "n40", 0))]
    rules = [log.split("/")[2] for log in logs]
    assert [rule for rule in rules if rule != "split"] == [
        *("prepare", "train", "train", "pseudo_label", "train", "pseudo_label", "train"),
        "evaluate",
    ]
    assert "results/logs/pseudo_label/rooms/chain/n40/0/second.log" in logs
    plain = [job.log for job in jobs(grid, Run("rooms", "chain", "n40", 0))]
    assert not any("pseudo_label" in log for log in plain)


def test_status_tells_why_pseudo_labelling_failed(teaching: Path):
    grid = load_grid()
    run, other = Run("rooms", "teaching", "n40", 0), Run("rooms", "chain", "n40", 0)
    for job in jobs(grid, run):
        Path(job.log).parent.mkdir(parents=True, exist_ok=True)
        if "pseudo_label" in job.log:
            Path(job.log).write_text("error: a.safetensors: trained on other data\n")
            break
        Path(job.output).parent.mkdir(parents=True, exist_ok=True)
        Path(job.output).touch()
    found = statuses(grid)
    assert found[run].state == "failed"
    assert found[run].reason == "a.safetensors: trained on other data"
    assert found[run].log == "results/logs/pseudo_label/rooms/chain/n40/0/second.log"
    assert found[other].state == "missing"


def test_the_most_reliable_need_snapshots(small: Path):
    choosing = TEACHING.replace(
        "pseudo_masks: student", "pseudo_masks: student\n    most_reliable: 0.5"
    )
    write("methods/teaching", choosing)
    write("config", EXPERIMENT)
    with pytest.raises(ConfigError, match=r"last.most_reliable: student.*keeps no\s+snapshots"):
        load_grid()
    write(
        "methods/teaching", choosing.replace("second\n  last", "second\n    snapshots: 3\n  last")
    )
    load_grid()
