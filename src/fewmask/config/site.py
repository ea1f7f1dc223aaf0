"""The settings of a site: the names of its cluster's queues, and how long jobs may run in them."""

from pathlib import Path

from pydantic import Field

from fewmask.config.layers import load_yaml, validate
from fewmask.config.settings import Settings

SITE = Path("profiles/site.yaml")


class Queue(Settings):
    """Where jobs of one kind run. Absent keys leave the choice to the cluster's defaults."""

    partition: str | None = None
    qos: str | None = None
    longest_minutes: int | None = Field(default=None, gt=0, le=1_000_000)
    """The partition's time limit in minutes. A job that requests more is given this much; a
    training saves a checkpoint before its time is up and resumes in its next try."""
    options: str = ""
    """Further options of sbatch, such as --constraint or --exclude."""


class GpuQueue(Queue):
    """Where jobs run that request a GPU."""

    gpu_type: str | None = None
    """A type of GPU, by its name in `sinfo -o %G`; absent: any."""


class Site(Settings):
    """One cluster, as the file profiles/site.yaml describes it."""

    account: str | None = None
    """The account that jobs are charged to."""
    gpu: GpuQueue = GpuQueue()
    cpu: Queue = Queue()
    warn_seconds: int = Field(default=120, gt=0, le=65_535)
    """How many seconds before its time is up a job is signalled to stop, to save a checkpoint."""

    def queue(self, gpus: int) -> Queue:
        """Where a job with this many GPUs runs."""
        return self.gpu if gpus else self.cpu

    def minutes(self, requested: int, gpus: int) -> int:
        """The time limit of a job that requests so many minutes."""
        return min(requested, self.queue(gpus).longest_minutes or requested)

    def resources(self, gpus: int) -> dict[str, str | None]:
        """The resources that tell Snakemake's executor for SLURM where a job runs."""
        queue = self.queue(gpus)
        return {
            "slurm_account": self.account,
            "slurm_partition": queue.partition,
            "qos": queue.qos,
            "gpu_model": queue.gpu_type if isinstance(queue, GpuQueue) else None,
            # TERM reaches the training by way of its job step; other signals kill Snakemake there.
            "slurm_extra": f"--signal=TERM@{self.warn_seconds} {queue.options}".strip(),
        }


RESOURCES = tuple(Site().resources(0))
"""The names of these resources."""


def load_site(path: Path = SITE) -> Site:
    """The site's file; a cluster's defaults if there is none. Raises ConfigError."""
    return validate(Site, [load_yaml(path)]) if path.exists() else Site()


def memory_mb(gigabytes: float, attempt: int) -> int:
    """The memory of a job's first or later try, in MB: twice as much once it has failed.

    A job that was stopped by its memory limit cannot say so. More than twice is a mistake in the
    stage's ``memory_gb``, and would keep jobs that failed for another reason from being placed.
    """
    return int(1000 * gigabytes * min(attempt, 2))
