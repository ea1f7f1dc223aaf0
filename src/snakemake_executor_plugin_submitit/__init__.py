"""A Snakemake executor that sends jobs through submitit: as SLURM job arrays, or on one machine.

Jobs of one rule that request the same and are ready at the same check are one array. With the
resource ``gpu_share: 4`` four of them share one allocation, and so its GPU; each still has its own
log, end and retries. A job whose
time is nearly up is signalled to stop, and is put back into the queue under its own number, so that
for Snakemake it is one job that takes as long as it takes.
"""

# ruff: noqa: UP045, RUF009

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Optional

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface
from snakemake_interface_executor_plugins.logging import LoggerExecutorInterface
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase
from snakemake_interface_executor_plugins.workflow import WorkflowExecutorInterface

from snakemake_executor_plugin_submitit.clusters import CLUSTERS, Outcome, Work
from snakemake_executor_plugin_submitit.request import Request
from snakemake_executor_plugin_submitit.sharing import allocations
from snakemake_executor_plugin_submitit.snapshot import Snapshot

LOG_LINES = 20
"""How many lines of a failed job's log its error message has."""


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text, "env_var": False, "required": False})


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """The options ``--submitit-*``. Snakemake does not understand ``str | None``."""

    cluster: Optional[str] = _option(
        "slurm",
        "Where jobs run: slurm; local, as processes of this machine; debug, one after another in "
        "the process of Snakemake itself.",
    )
    folder: Optional[Path] = _option(
        Path(".snakemake/submitit"),
        "Where jobs are described and logged; compute nodes must see it.",
    )
    name_prefix: Optional[str] = _option("snakemake", "What the names of jobs start with.")
    warn_seconds: Optional[int] = _option(
        120,
        "How long before its time is up a job is signalled to stop and put back into the queue.",
    )
    max_requeues: Optional[int] = _option(
        1000, "How often a job may be put back into the queue because its time was up."
    )
    array_parallelism: Optional[int] = _option(
        1000, "How many jobs of an array may run at the same time."
    )
    gpus: Optional[str] = _option(
        None,
        "With local: the numbers of the GPUs to use, such as 0,1; each runs one job at a time. All "
        "of this machine if not given.",
    )
    snapshot: Optional[str] = _option(
        None,
        "Files and folders of the working directory, separated by spaces, that are copied when "
        "Snakemake starts; jobs use the copies, so that editing does not change queued jobs.",
    )

    def __post_init__(self) -> None:
        """Refuse a cluster that there is not."""
        if self.cluster not in CLUSTERS:
            raise WorkflowError(
                f"--submitit-cluster {self.cluster}: expected one of {', '.join(CLUSTERS)}"
            )


common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


class Executor(RemoteExecutor):
    """Keeps ready jobs until the next check of what runs, and sends them together then."""

    def __init__(
        self, workflow: WorkflowExecutorInterface, logger: LoggerExecutorInterface
    ) -> None:
        # All of it before super().__init__, which starts the thread that looks at jobs.
        self._ready: list[JobExecutorInterface] = []
        self._ready_lock = threading.Lock()
        # What a job of SLURM would hand down to those that it submits.
        for name in [*os.environ]:
            if name.startswith(("SLURM_", "SBATCH_", "SRUN_")) and name != "SLURM_CONF":
                del os.environ[name]
        settings = workflow.executor_settings
        self.snapshot = None
        if settings.snapshot:
            self.snapshot = Snapshot(settings.snapshot.split(), settings.folder)
        self.cluster = CLUSTERS[settings.cluster](settings)
        super().__init__(workflow, logger)

    def additional_general_args(self) -> str:
        """What runs a job's own Snakemake inside it."""
        return "--executor local"

    def get_snakefile(self) -> str:
        """The Snakefile, or its copy."""
        path = super().get_snakefile()
        return self.snapshot.path_of(path) if self.snapshot else path

    def run_jobs(self, jobs: list[JobExecutorInterface]) -> None:
        """Keep jobs for the next check."""
        for job in jobs:
            self.run_job_pre(job)
            self.run_job(job)

    def run_job(self, job: JobExecutorInterface) -> None:
        """Keep a job for the next check."""
        with self._ready_lock:
            self._ready.append(job)

    async def check_active_jobs(
        self, active_jobs: list[SubmittedJobInfo]
    ) -> AsyncGenerator[SubmittedJobInfo, None]:
        """Send what is ready, and report what has ended."""
        await asyncio.to_thread(self._submit_ready)
        numbers = [info.external_jobid for info in active_jobs]
        outcomes = await asyncio.to_thread(self.cluster.outcomes, numbers) if numbers else {}
        for info in active_jobs:
            outcome = outcomes.get(info.external_jobid, Outcome.ACTIVE)
            if outcome is Outcome.ACTIVE:
                yield info
            elif outcome is Outcome.DONE:
                self.report_job_success(info)
            else:
                self._report_failure(info, outcome)

    def _report_failure(self, info: SubmittedJobInfo, outcome: Outcome) -> None:
        logs = [log for log in self.cluster.logs(info.external_jobid) if log.exists()]
        ends = "".join(f"\nthe end of its log {log}:\n{_end_of(log)}" for log in logs)
        message = f"job {info.external_jobid} {outcome.value}{ends}"
        self.report_job_error(info, msg=message, aux_logs=[str(log) for log in logs])

    def _submit_ready(self) -> None:
        with self._ready_lock:
            ready, self._ready = self._ready, []
        groups: dict[tuple[str, Request], list[JobExecutorInterface]] = {}
        for job in ready:
            groups.setdefault((job.name, Request.of(job)), []).append(job)
        for (_, of_one), jobs in groups.items():
            for request, sharing in allocations(of_one, jobs):
                room = self.cluster.room(request, len(sharing))
                for start in range(0, room, self.cluster.array_size):
                    end = min(start + self.cluster.array_size, room)
                    self._submit(request, sharing[start:end])
                with self._ready_lock:
                    self._ready.extend(chain.from_iterable(sharing[room:]))

    def _submit(self, request: Request, sharing: Sequence[Sequence[JobExecutorInterface]]) -> None:
        """Send an array: the jobs of each of its allocations."""
        jobs = [*chain.from_iterable(sharing)]
        try:
            work = [[Work(self._command(job), _name(job)) for job in one] for one in sharing]
            numbers = self.cluster.submit(request, work)
        except Exception as error:
            for job in jobs:
                self.report_job_error(SubmittedJobInfo(job), msg=f"could not be submitted: {error}")
            return
        self.logger.info(f"Submitted {len(jobs)} jobs of {jobs[0].name}: {', '.join(numbers)}")
        for job, number in zip(jobs, numbers, strict=True):
            self.report_job_submission(SubmittedJobInfo(job, external_jobid=number))

    def _command(self, job: JobExecutorInterface) -> str:
        command = self.format_job_exec(job)
        return f"{self.snapshot.enter} && {command}" if self.snapshot else command

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Cancel jobs when Snakemake is interrupted."""
        self.cluster.cancel([info.external_jobid for info in active_jobs])


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])


def _name(job: JobExecutorInterface) -> str:
    """The rule and its wildcards, as Snakemake's executor for SLURM writes them into comments."""
    wildcards = "_".join(map(str, getattr(job, "wildcards", None) or ())).replace("/", "_")
    return f"rule_{job.name}_wildcards_{wildcards}" if wildcards else f"rule_{job.name}"
