"""Faults of jobs with the profile slurm; a file of its own, for each file is run by one process."""

import pytest

from tests.slurm.faults import FaultsOfJobs

pytestmark = pytest.mark.slow


class TestFaultsOfJobs(FaultsOfJobs):
    profile = "slurm"
