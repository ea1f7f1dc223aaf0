"""What can happen to jobs on a cluster, and that nothing comes of it: the tables stay the same."""

import signal
import time
from pathlib import Path

import yaml

from tests.slurm.cluster import Cluster
from tests.slurm.head import SITE, Head, assert_equal, steps_trained
from tests.workflow.snakemake import job_counts

ONE_SEED = ("--config", "seeds=[0]")


def ask_for(folder: Path, **resources: float) -> None:
    """Let trainings ask for other resources, which changes no result."""
    path = folder / "config/methods/supervised.yaml"
    method = yaml.safe_load(path.read_text())
    method["stages"]["supervised"]["resources"] |= resources
    path.write_text(yaml.safe_dump(method))


class Faults:
    """Each is a test of a profile of the repository."""

    profile: str

    def head(self, cluster: Cluster, project: Path, *options: str) -> Head:
        return Head(cluster, project, *options, profile=self.profile)

    def test_a_cancelled_job_is_sent_again(self, cluster: Cluster, project: Path, expected: Path):
        head = self.head(cluster, project, *ONE_SEED)
        number = head.wait_for_training()
        cluster.run("scancel", number)
        head.succeed()
        assert head.tries(number) == ["CANCELLED"]
        assert "going on from step" in head.log()
        assert steps_trained(project) == 600
        assert_equal(project, expected)

    def test_a_preempted_job_goes_back_into_the_queue(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        ask_for(project, gpus=1)
        head = self.head(cluster, project, *ONE_SEED)
        number = head.wait_for_training()
        urgent = ("--partition=urgent", "--account=masks", "--gpus=2", "--output=/dev/null")
        cluster.run("sbatch", *urgent, "--wrap=sleep 3")
        head.succeed()
        assert head.tries(number) == ["PREEMPTED", "COMPLETED"]
        assert "Trying to restart" not in head.said
        assert "going on from step" in head.log()
        assert steps_trained(project) == 600
        assert_equal(project, expected)

    def test_when_time_is_up_a_training_goes_on(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        (project / "profiles/site.yaml").write_text(f"{SITE}cpu: {{longest_minutes: 1}}\n")
        # SLURM looks at its clock twice a minute, so that a try has between 15 and 45 s.
        head = self.head(
            cluster, project, "--retries", "8", "--config", "seeds=[0]", "methods=[longer]"
        )
        head.succeed()
        assert "going on from step" in head.log(method="longer")
        assert "Trying to restart" in head.said
        assert steps_trained(project, method="longer") == 2500
        assert_equal(project, expected)

    def test_a_job_that_ran_out_of_memory_gets_more(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        ask_for(project, memory_gb=0.8)
        head = self.head(cluster, project, *ONE_SEED)
        head.succeed()
        assert "mem_mb=800," in head.said
        assert "mem_mb=1600," in head.said
        assert_equal(project, expected)

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
        head = self.head(cluster, project, *ONE_SEED)
        job = head.wait_for_training()
        cluster.kill(daemon, number)
        time.sleep(seconds)
        cluster.start(daemon)
        head.succeed()
        assert head.tries(job) == ["COMPLETED"]
        assert steps_trained(project) == 600
        assert_equal(project, expected)

    def test_an_accounting_database_that_was_away(
        self, cluster: Cluster, project: Path, expected: Path
    ):
        head = self.head(cluster, project, *ONE_SEED)
        number = head.wait_for_training()
        cluster.kill("slurmdbd", signal.SIGTERM)
        try:
            head.succeed()
        finally:
            cluster.start("slurmdbd")
        assert "Trying to restart" not in head.said
        cluster.wait(lambda: head.tries(number) == ["COMPLETED"], "accounting has caught up")
        assert_equal(project, expected)

    def test_a_snakemake_that_was_killed(self, cluster: Cluster, project: Path, expected: Path):
        head = self.head(cluster, project, *ONE_SEED)
        number = head.wait_for_training()
        head.kill()
        head = self.head(cluster, project, *ONE_SEED)
        head.succeed()
        assert f"left 1 job in SLURM's queue ({number})" in head.said
        assert head.tries(number) == ["CANCELLED"]
        assert steps_trained(project) == 600
        assert_equal(project, expected)

    def test_an_interrupted_snakemake_cancels_its_jobs(self, cluster: Cluster, project: Path):
        head = self.head(cluster, project, *ONE_SEED)
        number = head.wait_for_training()
        head.process.send_signal(signal.SIGINT)
        head.end()
        cluster.wait(lambda: head.tries(number) == ["CANCELLED"], "the job is cancelled")
        # Until its processes are gone SLURM has it in the queue.
        cluster.wait(lambda: "1 failed" in head.fewmask("status"), "its run counts as failed")
        assert "checkpoint saved" in head.log()

    def test_a_seed_that_always_fails(self, cluster: Cluster, project: Path, expected: Path):
        split = project / "results/splits/rooms/n4/1.csv"
        whole = split.read_text()
        split.write_text(whole.replace("labelled", "labeled"))
        command = ("--retries", "1")
        head = self.head(cluster, project, *command)
        head.end()
        assert head.process.returncode == 1
        told = head.fewmask("status")
        assert "done: 0 2  failed: 1" in told
        assert "rooms supervised n4 seed 1 failed: results/splits/rooms/n4/1.csv" in told
        assert "log: results/logs/train/rooms/supervised/n4/1/supervised.log" in told

        self.head(cluster, project, "partial").succeed()
        assert "| 2 of 3 |" in (project / "results/partial/tables/summary.md").read_text()

        split.write_text(whole)
        head = self.head(cluster, project, *command)
        head.succeed()
        assert job_counts(head.said) == {"train": 1, "evaluate": 1, "summarise": 1}
        assert_equal(project, expected, seeds=3)
