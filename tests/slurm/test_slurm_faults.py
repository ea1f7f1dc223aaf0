"""Faults with the profile slurm: those of jobs; by night also those of the cluster.

A file of its own, for each file is run by one process.
"""

from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.faults import FaultsOfJobs, FaultsOfTheCluster
from tests.slurm.submitter import (
    ONE_TRAINING,
    SITE,
    STEPS,
    assert_same_weights,
    steps_trained,
)

pytestmark = pytest.mark.slow


class TestFaultsOfJobs(FaultsOfJobs):
    profile = "slurm"

    @pytest.mark.nightly  # by day with the profile submitit
    def test_when_time_is_up_a_training_goes_on(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        (project / "profiles/site.yaml").write_text(f"{SITE}cpu: {{longest_minutes: 2}}\n")
        submitter = self.submitter(cluster, project, "--retries", "30", ONE_TRAINING)
        with submitter.held(0):
            cluster.wait(submitter.is_signalled, "its time is nearly up")
        submitter.succeed()
        assert "resuming from step" in submitter.log()
        assert "Trying to restart" in submitter.printed
        assert steps_trained(project) == STEPS
        assert_same_weights(project, expected)


@pytest.mark.nightly
class TestFaultsOfTheCluster(FaultsOfTheCluster):
    profile = "slurm"
