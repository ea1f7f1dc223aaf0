"""Settings of ST, self-training with strong augmentation."""

from typing import ClassVar, Literal

from fewmask.objectives.consistency.options import Boxes, StrongColours
from fewmask.objectives.hard_pixels import LearnsMasks


class STSettings(LearnsMasks):
    """Learn pseudo-masks of strongly augmented unlabelled images as if they were masks (Yang et al.
    2022)."""

    name: Literal["st"]
    colours: StrongColours | None = StrongColours()
    """How unlabelled images change colours, after the stage's augmentation; null: not at all."""
    cutout: Boxes | None = Boxes()
    """The boxes of unlabelled images that are filled with noise and not learnt; null: none."""

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    learns_pseudo_masks: ClassVar[bool] = True
    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy",)
