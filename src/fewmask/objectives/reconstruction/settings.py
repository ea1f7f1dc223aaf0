"""Settings of reconstruction."""

from typing import ClassVar, Literal

from fewmask.objectives.hard_pixels import LearnsMasks


class ReconstructionSettings(LearnsMasks):
    """Learn masks, and the pixels of all images by a second decoder (S6, 2.1)."""

    name: Literal["reconstruction"]

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "reconstruction")
