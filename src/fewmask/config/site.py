"""What a site's cluster calls its things, and how long and where jobs may run there."""

from pathlib import Path

from pydantic import Field

from fewmask.config.layers import load_yaml, validate
from fewmask.config.settings import Settings

SITE = Path("profiles/site.yaml")


class Queue(Settings):
    """Where jobs of one kind go. What is not said is left to the cluster's defaults."""

    partition: str | None = None
    qos: str | None = None
    longest_minutes: int | None = Field(default=None, gt=0, le=1_000_000)
    """The partition's time limit. A job that says it needs longer is given this much; a training
    saves a checkpoint before its time is up and goes on in its next try."""
    options: str = ""
    """Further options of sbatch, such as --constraint or --exclude."""


class GpuQueue(Queue):
    """Where jobs go that ask for a GPU."""

    gpu_type: str | None = None
    """A type of GPU as `sinfo -o %G` names them; any if not said."""


class Site(Settings):
    """One cluster, as the file profiles/site.yaml describes it."""

    account: str | None = None
    """The project that pays."""
    gpu: GpuQueue = GpuQueue()
    cpu: Queue = Queue()
    warn_seconds: int = Field(default=120, gt=0, le=65_535)
    """How long before its time is up a job is told to stop. It saves a checkpoint in that time."""

    def queue(self, gpus: int) -> Queue:
        """Where a job goes that asks for so many GPUs."""
        return self.gpu if gpus else self.cpu

    def minutes(self, wanted: int, gpus: int) -> int:
        """The time limit of a job that asks for so many minutes."""
        return min(wanted, self.queue(gpus).longest_minutes or wanted)

    def resources(self, gpus: int) -> dict[str, str | None]:
        """The resources by which Snakemake's executor for SLURM knows where a job goes."""
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
