"""What a job asks of a cluster, by the resources that Snakemake's executor for SLURM knows."""

import re
import shlex
from dataclasses import dataclass, replace

from snakemake_interface_executor_plugins.jobs import JobExecutorInterface

RUNTIME = 60
"""Minutes of a job that does not say how long it takes."""


@dataclass(frozen=True)
class Request:
    """Jobs that ask for the same can be one array."""

    minutes: int
    memory_mb: int | None
    cpus: int
    gpus: int
    gpu_share: int
    """How many jobs share an allocation with these GPUs."""
    gpu_model: str | None
    partition: str | None
    account: str | None
    qos: str | None
    constraint: str | None
    extra: tuple[tuple[str, str | bool], ...]
    """Further options of sbatch without their dashes, and what they are set to."""

    @classmethod
    def of(cls, job: JobExecutorInterface) -> "Request":
        """What a job's resources ask for."""
        resources = job.resources
        return cls(
            minutes=int(resources.get("runtime") or RUNTIME),
            memory_mb=resources.get("mem_mb"),
            cpus=max(1, job.threads),
            gpus=int(resources.get("gpu") or 0),
            gpu_share=max(1, int(resources.get("gpu_share") or 1)),
            gpu_model=resources.get("gpu_model"),
            partition=resources.get("slurm_partition"),
            account=resources.get("slurm_account"),
            qos=resources.get("qos"),
            constraint=resources.get("constraint"),
            extra=_options(str(resources.get("slurm_extra") or "")),
        )

    def times(self, jobs: int) -> "Request":
        """What an allocation asks for that so many jobs share: the GPUs of one, and the memory and
        the processors of all."""
        memory = self.memory_mb and jobs * self.memory_mb
        return replace(self, memory_mb=memory, cpus=jobs * self.cpus)

    def sbatch(self) -> dict[str, object]:
        """As submitit's parameters of a SLURM job."""
        further: dict[str, object] = dict(self.extra) | {"requeue": True}
        if self.memory_mb:
            further["mem"] = f"{self.memory_mb}M"
        if self.gpus:
            model = f"{self.gpu_model}:" if self.gpu_model else ""
            further["gpus"] = f"{model}{self.gpus}"
        return {
            "time": self.minutes,
            "cpus_per_task": self.cpus,
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "additional_parameters": further,
        }


def _options(extra: str) -> tuple[tuple[str, str | bool], ...]:
    """``--exclude=n1 --exclusive`` as pairs; when a job is warned is for this executor to say."""
    found = []
    for word in shlex.split(extra):
        match = re.fullmatch(r"--([a-z-]+)(?:=(.*))?", word)
        if match is None:
            raise ValueError(f"slurm_extra: {word!r} is not an option --name=value of sbatch")
        if match[1] != "signal":
            found.append((match[1], True if match[2] is None else match[2]))
    return tuple(found)
