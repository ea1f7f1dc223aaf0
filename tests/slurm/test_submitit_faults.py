"""Faults with the profile submitit: those of the cluster; by night also those of jobs.

A file of its own, for each file is run by one process.
"""

import csv
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.faults import FaultsOfJobs, FaultsOfTheCluster
from tests.slurm.submitter import (
    ONE_TRAINING,
    SITE,
    STEPS,
    SUBMITIT,
    Submitter,
    assert_same_weights,
    steps_trained,
)

pytestmark = pytest.mark.slow


def test_when_time_is_up_a_training_goes_on(cluster: Cluster, project: Path, expected: Path):
    """As one job of SLURM, and one of Snakemake, without a retry."""
    (project / "profiles/site.yaml").write_text(f"{SITE}cpu: {{longest_minutes: 2}}\n")
    submitter = Submitter(cluster, project, "--retries", "0", ONE_TRAINING, profile=SUBMITIT)
    with submitter.held(0):
        cluster.wait(submitter.is_signalled, "its time is nearly up")
    submitter.succeed()
    tries = project / "results/stages/rooms/supervised/n4/0/supervised/tries.csv"
    with tries.open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["slurm_job"] for row in rows}) == 1
    assert sum(row["event"] == "started" for row in rows) >= 2
    assert steps_trained(project) == STEPS
    assert_same_weights(project, expected)


class TestFaultsOfTheCluster(FaultsOfTheCluster):
    profile = SUBMITIT


@pytest.mark.nightly
class TestFaultsOfJobs(FaultsOfJobs):
    profile = SUBMITIT
