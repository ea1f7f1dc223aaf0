"""Settings of supervised learning."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from fewmask.config.ranges import Log, Range
from fewmask.config.settings import Settings
from fewmask.objectives.hard_pixels import LearnsMasks


class Classification(Settings):
    """A head that tells an image's category: pool, dropout, linear (Li, 2.3)."""

    dropout: float = Field(default=0.2, ge=0, lt=1)


class SupervisedSettings(LearnsMasks):
    """Learn the masks of the labelled images."""

    name: Literal["supervised"]
    losses: list[Literal["cross_entropy", "dice"]] = Field(default=["cross_entropy"], min_length=1)
    """Per-pixel cross-entropy, and one minus the soft Dice coefficient."""

    classification: Classification | None = None
    """Learn the images' categories as well, by a head on the encoder."""

    draws: ClassVar[tuple[str, ...]] = ("labelled",)
    unusual_weights: ClassVar[dict[str, Range]] = {"classification": Log(0.01, 1.0)}

    @model_validator(mode="after")
    def _hard_pixels_have_a_loss(self) -> "SupervisedSettings":
        if self.hard_pixels and "cross_entropy" not in self.losses:
            raise ValueError(
                "hard_pixels choose pixels of the cross-entropy, which losses leave out\n"
                "  mend: add cross_entropy to losses, or leave out hard_pixels"
            )
        return self

    @property
    def learns(self) -> set[str]:
        """Categories only where they are requested."""
        return super().learns | ({"category"} if self.classification else set())

    @property
    def loss_names(self) -> tuple[str, ...]:
        """What the losses of a step are called."""
        return (*self.losses, *(["classification"] if self.classification else []))
