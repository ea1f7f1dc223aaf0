"""Settings of supervised learning."""

from typing import ClassVar, Literal

from pydantic import Field

from fewmask.config.objective import ObjectiveSettings
from fewmask.config.settings import Settings


class Classification(Settings):
    """A head that tells an image's category: pool, dropout, linear (Li, 2.3)."""

    dropout: float = Field(default=0.2, ge=0, lt=1)


class SupervisedSettings(ObjectiveSettings):
    """Learn the masks of the labelled images."""

    name: Literal["supervised"]
    losses: list[Literal["cross_entropy", "dice"]] = Field(default=["cross_entropy"], min_length=1)
    """Per-pixel cross-entropy, and one minus the soft Dice coefficient."""

    classification: Classification | None = None
    """Learn the images' categories as well, by a head on the encoder."""

    draws: ClassVar[tuple[str, ...]] = ("labelled",)

    @property
    def learns(self) -> set[str]:
        """Categories only where they are requested."""
        return super().learns | ({"category"} if self.classification else set())

    @property
    def loss_names(self) -> tuple[str, ...]:
        """What the losses of a step are called."""
        return (*self.losses, *(["classification"] if self.classification else []))
