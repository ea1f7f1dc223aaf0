"""Settings of what a training requests of the cluster."""

from typing import Self

from pydantic import Field, model_validator

from fewmask.config.settings import Settings


class Resources(Settings):
    """What a stage requests of the cluster. Nothing here can change a result but for rounding."""

    minutes: int = Field(default=60, gt=0, le=1_000_000)
    memory_gb: float = Field(default=8, gt=0, le=100_000)
    cpus: int = Field(default=4, gt=0, le=10_000)
    gpus: int = Field(default=1, ge=0, le=1000)
    processes: int = Field(default=1, gt=0, le=1000)
    """How many processes train together, each on a GPU of its own: sums are taken in another order,
    and so the last digits of weights may differ."""
    gpu_share: int = Field(default=1, gt=0, le=10)
    """How many trainings run side by side on one GPU. (The profile slurm gives each its own.)"""

    @model_validator(mode="after")
    def _has_gpus_for_all(self) -> Self:
        if 0 < self.gpus < self.processes:
            raise ValueError(
                f"processes is {self.processes}, and gpus {self.gpus}: each needs one of its own"
            )
        return self

    @model_validator(mode="after")
    def _shares_one_gpu(self) -> Self:
        if self.gpu_share > 1 and not self.gpus == self.processes == 1:
            raise ValueError(
                f"gpu_share is {self.gpu_share}, gpus {self.gpus} and processes {self.processes}: "
                "trainings share a GPU where each has one process and requests one GPU\n"
                "  mend: gpu_share: 1, or gpus: 1 and processes: 1"
            )
        return self

    @property
    def gpu_percent(self) -> int:
        """How much of a GPU a training uses, in whole percents, of which as many trainings as share
        a GPU fit into 100, and no more: Snakemake's resources are whole numbers."""
        return 100 * self.gpus // self.gpu_share
