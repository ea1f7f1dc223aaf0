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

    def check_shared(self, processes: int) -> None:
        """Raise ValueError for a batch that so many processes cannot share."""
        for role, size in self:
            if size % processes:
                raise ValueError(
                    f"batch.{role} is {size}, which {processes} processes cannot share\n"
                    f"  mend: a multiple of {processes}, or another resources.processes"
                )
