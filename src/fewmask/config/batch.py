"""Settings of what a step draws."""

from typing import Annotated

from pydantic import Field

from fewmask.config.settings import Settings

Size = Annotated[int, Field(ge=0, le=65536)]


class Batch(Settings):
    """How many images of each role a step draws."""

    labelled: Size = 0
    unlabelled: Size = 0
    all: Size = 0
    """Labelled and unlabelled images alike, without their masks."""

    @property
    def roles(self) -> list[str]:
        """Those that are drawn, labelled images first."""
        return [role for role, size in self if size]

    def check_shared(self, processes: int, micro_batches: int) -> None:
        """Raise ValueError for a batch that cannot be divided into equal micro-batches of so many
        processes."""
        parts = processes * micro_batches
        both = {"micro-batches": micro_batches, "processes": processes}
        sharers = " of ".join(f"{count} {name}" for name, count in both.items() if count > 1)
        for role, size in self:
            if size % parts:
                raise ValueError(
                    f"batch.{role} is {size}, which {sharers} cannot share\n"
                    f"  mend: a multiple of {parts}, or another resources.processes or "
                    f"micro_batches"
                )
