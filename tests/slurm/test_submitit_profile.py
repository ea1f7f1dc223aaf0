"""The profile submitit on the same cluster: what it does differently."""

import re
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.faults import ask_for
from tests.slurm.submitter import (
    ONE_TRAINING,
    STEPS,
    SUBMITIT,
    WEIGHTS,
    Submitter,
    assert_equal,
    assert_same_weights,
    steps_trained,
)
from tests.small_project import change_config

pytestmark = pytest.mark.slow


def test_trainings_are_one_array_and_status_knows_each(
    cluster: Cluster, project: Path, expected: Path
):
    submitter = Submitter(cluster, project, profile=SUBMITIT)
    with submitter.held(0, 1, 2):
        assert "running: 0 1 2" in submitter.fewmask("status")
    submitter.succeed()
    [line] = re.findall("Submitted 3 jobs of train: (.*)", submitter.printed)
    assert len({number.partition("_")[0] for number in line.split(", ")}) == 1
    assert_equal(project, expected, seeds=3)
    assert "SLURM's accounting" in (project / "results/tables/cost.md").read_text()


def test_trainings_that_share_a_gpu_are_saved_together_and_fail_alone(
    cluster: Cluster, project: Path, expected: Path
):
    ask_for(project, gpus=1, gpu_share=3)
    weights = [WEIGHTS.format(seed=seed) for seed in range(3)]
    submitter = Submitter(cluster, project, "--retries", "1", *weights, profile=SUBMITIT)
    with submitter.held(0, 1, 2) as numbers:
        [number] = {*numbers}
        assert f"3 jobs of train: {number}/0, {number}/1, {number}/2" in submitter.printed
        cluster.run("scancel", "--signal=USR2", number)  # as SLURM does when the time is nearly up
        cluster.wait(lambda: all(map(submitter.is_signalled, range(3))), "they are told")
    cluster.wait(lambda: "resuming from step" in submitter.log(1), "it goes on")
    submitter.training(1).kill()
    assert steps_trained(project, 1) < STEPS
    submitter.succeed()

    assert submitter.printed.count("Trying to restart") == 1
    [retry] = re.findall("Submitted 1 jobs of train: (.*)", submitter.printed)
    assert submitter.tries(retry) == ["COMPLETED"]
    assert [steps_trained(project, seed) for seed in (0, 2)] == [STEPS, STEPS]
    for one in weights:
        assert_same_weights(project, expected, one)
    cluster.wait(lambda: submitter.tries(number)[-1] == "FAILED", "accounting has caught up")
    assert submitter.spent(0).gpu_seconds == pytest.approx(submitter.spent(0).seconds / 3)
    # The next try of the one that was killed had a GPU to itself.
    assert submitter.spent(1).gpu_seconds > submitter.spent(1).seconds / 3


def test_editing_does_not_change_jobs_of_a_snapshot(
    cluster: Cluster, project: Path, expected: Path
):
    options = ("--submitit-snapshot", "config profiles", ONE_TRAINING)
    submitter = Submitter(cluster, project, *options, profile=SUBMITIT)
    cluster.wait(lambda: "Submitted 1 jobs of train" in submitter.printed, "it is sent")
    change_config(project, "methods/supervised", stages={"supervised": {"steps": 700}})
    submitter.end()
    assert steps_trained(project) == STEPS
