"""The profile submitit on the same cluster: the same faults, and what it does differently."""

import csv
import re
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.faults import FaultsOfJobs, FaultsOfTheCluster
from tests.slurm.submitter import SITE, Submitter, assert_equal, steps_trained
from tests.small_project import change_config

pytestmark = pytest.mark.slow

PROFILE = "profiles/submitit"


class TestFaultsOfTheCluster(FaultsOfTheCluster):
    profile = PROFILE


class TestFaultsOfJobs(FaultsOfJobs):
    profile = PROFILE

    def test_when_time_is_up_a_training_goes_on(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        """As one job of SLURM, and one of Snakemake, without a retry."""
        (project / "profiles/site.yaml").write_text(f"{SITE}cpu: {{longest_minutes: 1}}\n")
        options = ("--retries", "0", "--config", "seeds=[0]", "methods=[longer]")
        submitter = self.submitter(cluster, project, *options)
        submitter.succeed()
        tries = project / "results/stages/rooms/longer/n4/0/supervised/tries.csv"
        with tries.open() as file:
            rows = list(csv.DictReader(file))
        assert len({row["slurm_job"] for row in rows}) == 1
        assert sum(row["event"] == "started" for row in rows) >= 2
        assert steps_trained(project, method="longer") == 2500
        assert_equal(project, expected)


def test_trainings_are_one_array_and_status_knows_each(
    cluster: Cluster, project: Path, expected: Path
):
    submitter = Submitter(cluster, project, profile=PROFILE)
    submitter.wait_for_training()
    assert "running: 0 1 2" in submitter.fewmask("status")
    submitter.succeed()
    [line] = re.findall("Submitted 3 jobs of train: (.*)", submitter.printed)
    assert len({number.partition("_")[0] for number in line.split(", ")}) == 1
    assert_equal(project, expected, seeds=3)
    assert "SLURM's accounting" in (project / "results/tables/cost.md").read_text()


def test_editing_does_not_change_jobs_of_a_snapshot(
    cluster: Cluster, project: Path, expected: Path
):
    options = ("--submitit-snapshot", "config profiles", "--config", "seeds=[0]")
    submitter = Submitter(cluster, project, *options, profile=PROFILE)
    cluster.wait(lambda: "Submitted 1 jobs of train" in submitter.printed, "it is sent")
    change_config(project, "methods/supervised", stages={"supervised": {"steps": 700}})
    submitter.end()
    assert steps_trained(project) == 600
