"""Settings of every objective; the objective itself is ``fewmask.objectives.<name>``.

They stand here, apart from the code that trains, because planning reads them and must not
import torch.
"""

from typing import ClassVar, Literal

from pydantic import Field

from fewmask.config.settings import Settings


class Supervised(Settings):
    """Learn the masks of the labelled pictures."""

    name: Literal["supervised"]
    losses: list[Literal["cross_entropy", "dice"]] = Field(default=["cross_entropy"], min_length=1)
    """Per-pixel cross-entropy, and one minus the soft Dice coefficient."""

    draws: ClassVar[tuple[str, ...]] = ("labelled",)


Objective = Supervised
"""Any objective's settings; a union, told apart by ``name``, as soon as there are two."""
