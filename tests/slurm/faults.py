"""What can happen to jobs and to the cluster, and that nothing comes of it: results stay the same.

Where a fault hits a training alone, its weights are compared, from which all else follows; in the
other tests also the tables.
"""

import signal
import time
from pathlib import Path

from tests.slurm.cluster import Cluster
from tests.slurm.submitter import (
    ONE_TRAINING,
    STEPS,
    Submitter,
    assert_equal,
    assert_same_weights,
    steps_trained,
)
from tests.small_project import change_config
from tests.workflow.snakemake import job_counts

ONE_SEED = ("--config", "seeds=[0]")


def ask_for(folder: Path, **resources: float) -> None:
    """Let trainings ask for other resources, which changes no result."""
    change_config(folder, "methods/supervised", stages={"supervised": {"resources": resources}})


class Faults:
    """Each is a test of a profile of the repository."""

    profile: str

    def submitter(self, cluster: Cluster, project: Path, *options: str) -> Submitter:
        return Submitter(cluster, project, *options, profile=self.profile)


class FaultsOfJobs(Faults):
    """What can happen to a job."""

    def test_a_cancelled_job_is_sent_again(self, cluster: Cluster, project: Path, expected: Path):
        submitter = self.submitter(cluster, project, *ONE_SEED)
        with submitter.held(0) as [number]:
            cluster.run("scancel", number)
            cluster.wait(lambda: submitter.tries(number) == ["CANCELLED"], "it is cancelled")
        submitter.succeed()
        assert "resuming from step" in submitter.log()
        assert steps_trained(project) == STEPS
        assert_equal(project, expected)

    def test_a_preempted_job_goes_back_into_the_queue(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        ask_for(project, gpus=1)
        submitter = self.submitter(cluster, project, ONE_TRAINING)
        with submitter.held(0) as [number]:
            urgent = ("--partition=urgent", "--account=masks", "--gpus=2", "--output=/dev/null")
            cluster.run("sbatch", *urgent, "--wrap=sleep 3")
            cluster.wait(lambda: "PREEMPTED" in submitter.tries(number), "it is preempted")
        submitter.succeed()
        assert submitter.tries(number) == ["PREEMPTED", "COMPLETED"]
        assert "Trying to restart" not in submitter.printed
        assert "resuming from step" in submitter.log()
        assert steps_trained(project) == STEPS
        assert_same_weights(project, expected)

    def test_a_job_that_ran_out_of_memory_gets_more(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        ask_for(project, memory_gb=0.8)
        submitter = self.submitter(cluster, project, ONE_TRAINING)
        submitter.succeed()
        assert "mem_mb=800," in submitter.printed
        assert "mem_mb=1600," in submitter.printed
        assert_same_weights(project, expected)

    def test_a_seed_that_always_fails(self, cluster: Cluster, project: Path, expected: Path):
        change_config(project, "config", seeds=[0, 1])
        split = project / "results/splits/rooms/n4/1.csv"
        whole = split.read_text()
        split.write_text(whole.replace("labelled", "labeled"))
        command = ("--retries", "1")
        submitter = self.submitter(cluster, project, *command)
        submitter.end()
        assert submitter.process.returncode == 1
        printed = submitter.fewmask("status")
        assert "done: 0  failed: 1" in printed
        assert "rooms supervised n4 seed 1 failed: results/splits/rooms/n4/1.csv" in printed
        assert "log: results/logs/train/rooms/supervised/n4/1/supervised.log" in printed

        self.submitter(cluster, project, "partial").succeed()
        assert "| 1 of 2 |" in (project / "results/partial/tables/summary.md").read_text()

        split.write_text(whole)
        submitter = self.submitter(cluster, project, *command)
        submitter.succeed()
        assert job_counts(submitter.printed) == {"train": 1, "evaluate": 1, "summarise": 1}
        assert_equal(project, expected, seeds=2)


class FaultsOfTheCluster(Faults):
    """What can happen to the daemons of SLURM, and to Snakemake."""

    def test_a_node_daemon_that_died_and_came_back(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        self.outlives(cluster, project, expected, "slurmd", signal.SIGKILL, seconds=3)

    def test_a_controller_that_was_started_again(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        self.outlives(cluster, project, expected, "slurmctld", signal.SIGTERM, seconds=8)

    def outlives(
        self,
        cluster: Cluster,
        project: Path,
        expected: Path,
        daemon: str,
        number: int,
        seconds: float,
    ) -> None:
        """A training goes on while a daemon of SLURM is away for some seconds."""
        submitter = self.submitter(cluster, project, ONE_TRAINING)
        with submitter.held(0) as [job]:
            cluster.kill(daemon, number)
            time.sleep(seconds)
            cluster.start(daemon)
        submitter.succeed()
        assert submitter.tries(job) == ["COMPLETED"]
        assert steps_trained(project) == STEPS
        assert_same_weights(project, expected)

    def test_an_accounting_database_that_was_away(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        submitter = self.submitter(cluster, project, ONE_TRAINING)
        with submitter.held(0) as [number]:
            cluster.kill("slurmdbd", signal.SIGTERM)
        try:
            submitter.succeed()
        finally:
            cluster.start("slurmdbd")
        assert "Trying to restart" not in submitter.printed
        cluster.wait(lambda: submitter.tries(number) == ["COMPLETED"], "accounting has caught up")
        assert_same_weights(project, expected)

    def test_a_snakemake_that_was_killed(self, cluster: Cluster, project: Path, expected: Path):
        submitter = self.submitter(cluster, project, ONE_TRAINING)
        with submitter.held(0) as [number]:
            submitter.kill()
            submitter = self.submitter(cluster, project, ONE_TRAINING)
            submitter.succeed()
        assert f"left 1 job in SLURM's queue ({number})" in submitter.printed
        assert submitter.tries(number) == ["CANCELLED"]
        assert steps_trained(project) == STEPS
        assert_same_weights(project, expected)

    def test_an_interrupted_snakemake_cancels_its_jobs(self, cluster: Cluster, project: Path):
        submitter = self.submitter(cluster, project, *ONE_SEED)
        with submitter.held(0) as [number]:
            submitter.process.send_signal(signal.SIGINT)
            cluster.wait(submitter.is_signalled, "SLURM ends the job")
        submitter.end()
        cluster.wait(lambda: submitter.tries(number) == ["CANCELLED"], "the job is cancelled")
        # Until its processes are gone SLURM has it in the queue.
        cluster.wait(lambda: "1 failed" in submitter.fewmask("status"), "its run counts as failed")
        assert "checkpoint saved" in submitter.log()
