"""Settings of reconstruction."""

from typing import ClassVar, Literal

from fewmask.config.objective import ObjectiveSettings


class ReconstructionSettings(ObjectiveSettings):
    """Learn masks, and the pixels of all images by a second decoder (S6, 2.1)."""

    name: Literal["reconstruction"]

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "reconstruction")
