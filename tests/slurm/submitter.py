"""A project with a small grid, and the Snakemake that sends its jobs to the cluster."""

import csv
import itertools
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from fewmask.cluster.slurm import Spent, accounted_jobs, comment_of, queued_jobs
from tests.slurm.cluster import Cluster
from tests.small_project import change_config, write_project
from tests.workflow import preloaded
from tests.workflow.snakemake import BIN, ROOT, kill_group

STEPS = 80
"""Of every training: some seconds, for `Submitter.held` makes them as long as a fault needs."""

SUPERVISED = {
    "steps": STEPS,
    "evaluation": {"every": 40},
    "checkpoint_minutes": 0.001,  # after every step
    "resources": {"memory_gb": 4, "minutes": 10},
}

SITE = "account: masks\nwarn_seconds: 15\n"

SUBMITIT = "profiles/submitit"
"""The other profile of the repository that sends jobs to SLURM, besides `slurm`."""

# Jobs of seconds, not hours: Snakemake asks more often what has become of them.
IMPATIENCE = {
    "slurm": (
        *("--slurm-init-seconds-before-status-checks", "2", "--max-status-checks-per-second", "2"),
        *("--seconds-between-status-checks", "2", "--latency-wait", "10"),
    ),
    SUBMITIT: (
        *("--seconds-between-status-checks", "2", "--latency-wait", "10"),
        *("--submitit-warn-seconds", "15"),
    ),
}

STAGE = "rooms/supervised/n4/{seed}/supervised"
WEIGHTS = f"results/stages/{STAGE}/weights.safetensors"
CHECKPOINT = f"results/stages/{STAGE}/checkpoint.pt"

ONE_TRAINING = WEIGHTS.format(seed=0)
"""The target of which the first seed's training is the only job."""


def write_grid(folder: Path) -> None:
    """The project: one dataset, one method, three seeds."""
    write_project(folder)
    change_config(folder, "methods/supervised", stages={"supervised": SUPERVISED})
    change_config(folder, "config", fractions=["n4"], seeds=[0, 1, 2])
    (folder / "profiles").mkdir()
    (folder / "profiles/site.yaml").write_text(SITE)


def forget_trainings(folder: Path) -> None:
    """Remove all results but the prepared images and their splits."""
    for name in ("stages", "metrics", "tables", "figures"):
        shutil.rmtree(folder / "results" / name)
    for rule in ("train", "evaluate", "summarise"):
        shutil.rmtree(folder / "results/logs" / rule)


class Submitter:
    """A running Snakemake that submits the jobs of a project; ``through`` another command."""

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        *options: str,
        through: Sequence[str] = (),
        output: str = "snakemake.out",
        profile: str = "slurm",
    ) -> None:
        self.cluster, self.folder = cluster, folder
        ready = preloaded.jobs_but_trainings()  # no test ends jobs of another kind
        path = f"{ready}:{BIN}:{cluster.environment['PATH']}"
        self.environment = cluster.environment | {"PATH": path}
        command = [str(BIN / "snakemake"), "--profile", str(ROOT / profile), *IMPATIENCE[profile]]
        snakefile = ["--snakefile", str(ROOT / "workflow" / "Snakefile")]
        self.output = folder / output
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [*through, *command, *snakefile, *options],
                cwd=folder,
                env=self.environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def end(self, seconds: float = 800) -> str:
        """Wait for its end; what it printed.

        Raises:
            TimeoutError: it did not end.
        """
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self.cluster.run("scancel", "--user", str(os.getuid()), check=False)
            raise TimeoutError(f"after {seconds} s:\n{self.printed}") from None
        return self.printed

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self.output.read_text()

    def succeed(self) -> None:
        """Wait for its end and expect that all went well."""
        printed = self.end()
        assert self.process.returncode == 0, printed

    def kill(self) -> None:
        """kill -9 of Snakemake, and of nothing that SLURM runs."""
        kill_group(self.process)

    def fewmask(self, *arguments: str) -> str:
        """What a fewmask command prints in the project."""
        return subprocess.run(
            ["fewmask", *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout

    # Trainings.

    def log(self, seed: int = 0) -> str:
        """What a training has logged so far, in all its tries."""
        path = self.folder / f"results/logs/train/{STAGE.format(seed=seed)}.log"
        return path.read_text() if path.exists() else ""

    def training(self, seed: int = 0) -> psutil.Process:
        """The process of the last try of a training."""
        return psutil.Process(int(re.findall("as process (.*)", self.log(seed))[-1]))

    @contextmanager
    def held(self, *seeds: int) -> Iterator[list[str]]:
        """Wait until trainings have a checkpoint, and stop each there as long as the context lasts,
        so that none ends before something happens to it; the numbers of their jobs.

        It takes no processor meanwhile, and gets the signals that SLURM sends when it goes on: at
        the end of the context, or when SLURM ends its job, for that continues what is stopped.
        """
        stopped: dict[int, psutil.Process] = {}

        def are_stopped() -> bool:
            for seed in {*seeds} - stopped.keys():
                if (self.folder / CHECKPOINT.format(seed=seed)).exists():
                    stopped[seed] = self.training(seed)
                    stopped[seed].suspend()
            return len(stopped) == len(seeds)

        self.cluster.wait(are_stopped, f"the trainings of seeds {seeds} have checkpoints")
        try:
            stages = [STAGE.format(seed=seed) for seed in seeds]
            yield [self.job(f"rule_train_wildcards_{stage}") for stage in stages]
        finally:
            for process in stopped.values():
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def is_signalled(self, seed: int = 0) -> bool:
        """Whether a training that is stopped will get SIGTERM when it goes on, or has ended."""
        try:
            status = Path(f"/proc/{self.training(seed).pid}/status").read_text()
        except (psutil.NoSuchProcess, FileNotFoundError):
            return True
        pending = re.findall(r"(?:Sig|Shd)Pnd:\s+(\w+)", status)
        return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in pending)

    def job(self, name: str) -> str:
        """The number of the job that waits or runs for a rule and its wildcards."""
        with self.on_the_cluster():
            jobs = queued_jobs(self.folder)
        return next(job.number for job in jobs if job.comment == name.replace("/", "_"))

    def spent(self, seed: int = 0) -> Spent:
        """What accounting knows of a training."""
        with self.on_the_cluster():
            jobs = accounted_jobs(self.folder)
        return jobs[comment_of("train", STAGE.format(seed=seed))]

    @contextmanager
    def on_the_cluster(self) -> Iterator[None]:
        """The commands of SLURM are found and ask this cluster."""
        with pytest.MonkeyPatch.context() as patch:
            for variable in ("PATH", "SLURM_CONF"):
                patch.setenv(variable, self.environment[variable])
            yield

    def tries(self, number: str) -> list[str]:
        """How SLURM says that all tries of a job ended, the first first."""
        answer = self.cluster.run(
            *("sacct", "--allocations", "--duplicates", "--noheader", "--parsable2"),
            *("--jobs", number, "--format", "State"),
        )
        return [line.split()[0] for line in answer.stdout.splitlines()]


def steps_trained(folder: Path, seed: int = 0) -> int:
    """How many steps all tries of a training made together, repeated ones counted again.

    Of a try that was killed only those that it saved are known, and the last of them maybe only
    by where the next try went on: it may be killed before it could note what it had saved.
    """
    stage = folder / "results/stages" / STAGE.format(seed=seed)
    with (stage / "tries.csv").open() as file:
        steps = [int(row["step"]) for row in csv.DictReader(file)]
    return sum(max(0, after - before) for before, after in itertools.pairwise(steps))


def measured(folder: Path) -> dict[str, dict[str, str]]:
    """The table of all runs without what they cost, by seed."""
    with (folder / "results/tables/runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    costs = ("seconds", "peak_memory_mb", "hours", "gpu_hours")
    kept = [{name: value for name, value in row.items() if name not in costs} for row in rows]
    return {row["seed"]: row for row in kept}


def assert_equal(folder: Path, expected: Path, seeds: int = 1) -> None:
    """A project's table has so many runs, and they are those of another project to the last bit."""
    found, wanted = measured(folder), measured(expected)
    assert len(found) == seeds
    for seed, row in found.items():
        assert row == wanted[seed]
        assert_same_weights(folder, expected, WEIGHTS.format(seed=seed))


def assert_same_weights(folder: Path, expected: Path, weights: str = ONE_TRAINING) -> None:
    """The weights of a project are those of another one, byte for byte."""
    assert (folder / weights).read_bytes() == (expected / weights).read_bytes()
