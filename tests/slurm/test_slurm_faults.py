"""Faults with the profile slurm: those of jobs; by night also those of the cluster.

A file of its own, for each file is run by one process.
"""

from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.faults import FaultsOfJobs, FaultsOfTheCluster
from tests.slurm.submitter import SITE, assert_equal, steps_trained

pytestmark = pytest.mark.slow


class TestFaultsOfJobs(FaultsOfJobs):
    profile = "slurm"

    def test_when_time_is_up_a_training_goes_on(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        (project / "profiles/site.yaml").write_text(f"{SITE}cpu: {{longest_minutes: 1}}\n")
        # SLURM looks at its clock twice a minute, so that a try has between 15 and 45 s.
        submitter = self.submitter(
            cluster, project, "--retries", "30", "--config", "seeds=[0]", "methods=[longer]"
        )
        submitter.succeed()
        assert "resuming from step" in submitter.log(method="longer")
        assert "Trying to restart" in submitter.printed
        assert steps_trained(project, method="longer") == 2500
        assert_equal(project, expected)


@pytest.mark.nightly
class TestFaultsOfTheCluster(FaultsOfTheCluster):
    profile = "slurm"
