"""Where jobs run: SLURM, this machine, or this very process. Each runs the same tasks."""

import subprocess
import uuid
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

from submitit import DebugExecutor, Job, LocalExecutor, SlurmExecutor
from submitit.core.utils import JobPaths

from snakemake_executor_plugin_submitit.gpus import GpuPool
from snakemake_executor_plugin_submitit.request import Request
from snakemake_executor_plugin_submitit.task import Task

ACTIVE_STATES = {
    *("PENDING", "RUNNING", "CONFIGURING", "COMPLETING", "REQUEUED", "REQUEUE_FED", "RESIZING"),
    *("SIGNALING", "STAGE_OUT", "STOPPED", "SUSPENDED", "PREEMPTED"),
}
"""A preempted job is on its way back into the queue."""

NO_LIMIT = 60 * 24 * 365
"""Minutes that a job on this machine may take."""


class Outcome(Enum):
    """What has become of a job."""

    ACTIVE = "waits or runs"
    DONE = "has ended well"
    FAILED = "failed"
    CANCELLED = "was cancelled"
    OUT_OF_MEMORY = "ran out of memory"
    TIMEOUT = "ran out of time"
    NODE_FAIL = "lost its node"


class Cluster:
    """What all have in common."""

    name: str
    array_size = 1000
    """The largest array."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.folder = Path(settings.folder).resolve()
        (self.folder / "names").mkdir(parents=True, exist_ok=True)
        self._done: dict[str, Path] = {}

    def room(self, request: Request, wanted: int) -> int:
        """How many of so many jobs can be sent now."""
        return wanted

    @property
    def jobs_folder(self) -> Path:
        """Where submitit describes and logs jobs, by their numbers."""
        return self.folder / "jobs" / "%j"

    def submit(self, request: Request, commands: Sequence[str], names: Sequence[str]) -> list[str]:
        """Send jobs together; their numbers.

        A file below names/ tells which job of an array is which.
        """
        name = f"{self.settings.name_prefix}_{uuid.uuid4().hex[:12]}"
        (self.folder / "names" / f"{name}.txt").write_text("".join(f"{one}\n" for one in names))
        executor = self.executor(request, name)
        tasks = [
            Task(command, self.folder / "names" / f"{name}.{index}.done")
            for index, command in enumerate(commands)
        ]
        if len(tasks) == 1:
            jobs = [executor.submit(tasks[0])]
        else:
            with executor.batch():
                jobs = [executor.submit(task) for task in tasks]
        for job, task in zip(jobs, tasks, strict=True):
            self._done[job.job_id] = task.done
        self.sent(jobs, request)
        return [job.job_id for job in jobs]

    def sent(self, jobs: Sequence[Job], request: Request) -> None:
        """Remember jobs that were sent."""

    def log(self, number: str) -> Path:
        """What a job has said."""
        return JobPaths(self.jobs_folder, job_id=number).stdout

    def _ended(self, number: str) -> Outcome:
        return Outcome.DONE if self._done[number].exists() else Outcome.FAILED


class Slurm(Cluster):
    """Arrays of SLURM."""

    name = "slurm"

    def executor(self, request: Request, name: str) -> SlurmExecutor:
        """What submits an array."""
        executor = SlurmExecutor(self.jobs_folder, max_num_timeout=self.settings.max_requeues)
        executor.update_parameters(
            job_name=name,
            signal_delay_s=self.settings.warn_seconds,
            array_parallelism=self.settings.array_parallelism,
            stderr_to_stdout=True,
            **request.sbatch(),
        )
        return executor

    def outcomes(self, numbers: Sequence[str]) -> dict[str, Outcome]:
        """What has become of jobs; nothing while the controller does not answer."""
        query = ["squeue", "--me", "--array", "--states=all", "--noheader", "--format=%i|%T"]
        answer = subprocess.run(query, capture_output=True, text=True)
        if answer.returncode:
            return {}
        states = dict(line.split("|") for line in answer.stdout.splitlines())
        return {number: self._outcome(number, states.get(number)) for number in numbers}

    def _outcome(self, number: str, state: str | None) -> Outcome:
        if state is None:  # forgotten already
            return self._ended(number)
        if state in ACTIVE_STATES:
            return Outcome.ACTIVE
        if state == "COMPLETED":
            return Outcome.DONE
        return Outcome[state] if state in Outcome.__members__ else Outcome.FAILED

    def cancel(self, numbers: Sequence[str]) -> None:
        """Cancel jobs."""
        if numbers:
            subprocess.run(["scancel", *numbers], check=False)


class Local(Cluster):
    """Processes of this machine, each with the GPUs that it requests and no others."""

    name = "local"

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.gpus = GpuPool(settings.gpus)
        self._jobs: dict[str, Job] = {}

    def room(self, request: Request, wanted: int) -> int:
        """Jobs wait for free GPUs."""
        return self.gpus.room(request.gpus, wanted)

    def submit(self, request: Request, commands: Sequence[str], names: Sequence[str]) -> list[str]:
        """Start jobs one by one, for each has other GPUs."""
        numbers = []
        for command, name in zip(commands, names, strict=True):
            self._chosen = self.gpus.take(request.gpus)
            numbers += super().submit(request, [command], [name])
        return numbers

    def executor(self, request: Request, name: str) -> LocalExecutor:
        """What starts a process with the GPUs that were chosen for it."""
        executor = LocalExecutor(self.jobs_folder)
        executor.update_parameters(
            timeout_min=NO_LIMIT,
            gpus_per_node=len(self._chosen),
            visible_gpus=self._chosen,
            stderr_to_stdout=True,
        )
        return executor

    def sent(self, jobs: Sequence[Job], request: Request) -> None:
        for job in jobs:
            self._jobs[job.job_id] = job
            self.gpus.hold(job.job_id, self._chosen)

    def outcomes(self, numbers: Sequence[str]) -> dict[str, Outcome]:
        """What has become of jobs."""
        ended = {number: self._ended(number) for number in numbers if self._jobs[number].done()}
        for number in ended:
            self.gpus.release(number)
        return ended

    def cancel(self, numbers: Sequence[str]) -> None:
        """Stop jobs."""
        for number in numbers:
            self._jobs[number].cancel()


class Debug(Cluster):
    """One job after another, in this process."""

    name = "debug"

    def executor(self, request: Request, name: str) -> DebugExecutor:
        """What runs a job when it is asked how it went."""
        return DebugExecutor(self.jobs_folder)

    def sent(self, jobs: Sequence[Job], request: Request) -> None:
        for job in jobs:
            with suppress(SystemExit):
                job.exception()

    def outcomes(self, numbers: Sequence[str]) -> dict[str, Outcome]:
        """What has become of jobs."""
        return {number: self._ended(number) for number in numbers}

    def cancel(self, numbers: Sequence[str]) -> None:
        """Nothing runs that could be cancelled."""


CLUSTERS = {one.name: one for one in (Slurm, Local, Debug)}
