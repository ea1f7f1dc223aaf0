"""Where jobs run: SLURM, this machine, or this very process. Each runs the same tasks."""

import subprocess
import uuid
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from submitit import DebugExecutor, Job, LocalExecutor, SlurmExecutor
from submitit.core.utils import JobPaths

from snakemake_executor_plugin_submitit.gpus import GpuPool
from snakemake_executor_plugin_submitit.request import Request
from snakemake_executor_plugin_submitit.task import Command, Task

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


class Work(NamedTuple):
    """A job of Snakemake."""

    command: str
    name: str


class Sent(NamedTuple):
    """A job that was sent."""

    allocation: Job
    command: Command

    @property
    def number(self) -> str:
        """Its allocation's; after a slash, its place there, if it shares this."""
        place = f"/{self.command.files.suffix[1:]}" if self.command.log else ""
        return f"{self.allocation.job_id}{place}"


class Cluster:
    """What all have in common."""

    name: str
    array_size = 1000
    """The largest array."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.folder = Path(settings.folder).resolve()
        (self.folder / "names").mkdir(parents=True, exist_ok=True)
        self._sent: dict[str, Sent] = {}

    def room(self, request: Request, wanted: int) -> int:
        """How many of so many allocations can be requested now."""
        return wanted

    @property
    def jobs_folder(self) -> Path:
        """Where submitit describes and logs jobs, by their numbers."""
        return self.folder / "jobs" / "%j"

    def submit(self, request: Request, sharing: Sequence[Sequence[Work]]) -> list[str]:
        """Send an array, each of whose jobs is an allocation that some of Snakemake's jobs share;
        the numbers of all these.

        A file below names/ tells which job of an array is which: in a line of their own those that
        share one, separated by tabs.
        """
        name = f"{self.settings.name_prefix}_{uuid.uuid4().hex[:12]}"
        lines = ("\t".join(one.name for one in work) + "\n" for work in sharing)
        (self.folder / "names" / f"{name}.txt").write_text("".join(lines))
        executor = self.executor(request, name)
        tasks = [self._task(f"{name}.{index}", work) for index, work in enumerate(sharing)]
        if len(tasks) == 1:
            jobs = [executor.submit(tasks[0])]
        else:
            with executor.batch():
                jobs = [executor.submit(task) for task in tasks]
        sent = [
            Sent(job, one) for job, task in zip(jobs, tasks, strict=True) for one in task.commands
        ]
        self._sent |= {one.number: one for one in sent}
        self.started(jobs)
        return [one.number for one in sent]

    def _task(self, name: str, work: Sequence[Work]) -> Task:
        files = [self.folder / "names" / f"{name}.{place}" for place in range(len(work))]
        if len(work) == 1:
            return Task([Command(work[0].command, files[0])])
        return Task(
            Command(one.command, path, path.with_name(f"{path.name}.log"))
            for one, path in zip(work, files, strict=True)
        )

    def started(self, jobs: Sequence[Job]) -> None:
        """Remember allocations that were requested."""

    def logs(self, number: str) -> list[Path]:
        """What a job has said: that of its allocation, and its own if it shares this."""
        sent = self._sent[number]
        of_allocation = JobPaths(self.jobs_folder, job_id=sent.allocation.job_id).stdout
        return [of_allocation, *([sent.command.log] if sent.command.log else [])]

    def outcome(self, number: str, of_allocation: Outcome) -> Outcome:
        """What has become of a job, given what has become of its allocation."""
        command = self._sent[number].command
        if of_allocation is Outcome.ACTIVE and command.log:  # it may end before those beside it
            ended = {command.done: Outcome.DONE, command.failed: Outcome.FAILED}
            return next((ended[file] for file in ended if file.exists()), Outcome.ACTIVE)
        if of_allocation in (Outcome.ACTIVE, Outcome.DONE) or not command.done.exists():
            return of_allocation
        return Outcome.DONE


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
        return {
            number: self.outcome(number, _outcome(states.get(self._sent[number].allocation.job_id)))
            for number in numbers
        }

    def cancel(self, numbers: Sequence[str]) -> None:
        """Cancel jobs."""
        if numbers:
            allocations = {self._sent[number].allocation.job_id: None for number in numbers}
            subprocess.run(["scancel", *allocations], check=False)


def _outcome(state: str | None) -> Outcome:
    """What a state of SLURM means; None: the job is forgotten already."""
    if state in ACTIVE_STATES:
        return Outcome.ACTIVE
    if state == "COMPLETED":
        return Outcome.DONE
    return Outcome.__members__.get(str(state), Outcome.FAILED)


class Local(Cluster):
    """Processes of this machine, each with the GPUs that it requests and no others."""

    name = "local"

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.gpus = GpuPool(settings.gpus)
        self._running: list[Job] = []

    def room(self, request: Request, wanted: int) -> int:
        """Jobs wait for free GPUs."""
        for job in [job for job in self._running if job.done()]:
            self._running.remove(job)
            self.gpus.release(job.job_id)
        return self.gpus.room(request.gpus, wanted)

    def submit(self, request: Request, sharing: Sequence[Sequence[Work]]) -> list[str]:
        """Start allocations one by one, for each has other GPUs."""
        numbers = []
        for work in sharing:
            self._chosen = self.gpus.take(request.gpus)
            numbers += super().submit(request, [work])
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

    def started(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._running.append(job)
            self.gpus.hold(job.job_id, self._chosen)

    def outcomes(self, numbers: Sequence[str]) -> dict[str, Outcome]:
        """What has become of jobs."""
        return {
            number: self.outcome(
                number,
                Outcome.FAILED if self._sent[number].allocation.done() else Outcome.ACTIVE,
            )
            for number in numbers
        }

    def cancel(self, numbers: Sequence[str]) -> None:
        """Stop jobs."""
        for number in numbers:
            self._sent[number].allocation.cancel()


class Debug(Cluster):
    """One job after another, in this process."""

    name = "debug"

    def executor(self, request: Request, name: str) -> DebugExecutor:
        """What runs a job when it is asked how it went."""
        return DebugExecutor(self.jobs_folder)

    def started(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            with suppress(SystemExit):
                job.exception()

    def outcomes(self, numbers: Sequence[str]) -> dict[str, Outcome]:
        """What has become of jobs."""
        return {number: self.outcome(number, Outcome.FAILED) for number in numbers}

    def cancel(self, numbers: Sequence[str]) -> None:
        """Nothing runs that could be cancelled."""


CLUSTERS = {one.name: one for one in (Slurm, Local, Debug)}
