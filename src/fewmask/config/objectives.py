"""Settings of every objective; the objective itself is ``fewmask.objectives.<name>``.

They stand here, apart from the code that trains, because planning reads them and must not
import torch.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewmask.config.augmentation import Augmentation
from fewmask.config.settings import Settings


class Classification(Settings):
    """A head that tells a picture's category: pool, dropout, linear (paper 000, 2.3)."""

    dropout: float = Field(default=0.2, ge=0, lt=1)


class Supervised(Settings):
    """Learn the masks of the labelled pictures."""

    name: Literal["supervised"]
    losses: list[Literal["cross_entropy", "dice"]] = Field(default=["cross_entropy"], min_length=1)
    """Per-pixel cross-entropy, and one minus the soft Dice coefficient."""

    classification: Classification | None = None
    """Learn the pictures' categories as well, by a head on the encoder."""

    draws: ClassVar[tuple[str, ...]] = ("labelled",)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """What the losses of a step are called."""
        return (*self.losses, *(["classification"] if self.classification else []))


class MaskedImage(Settings):
    """Predict the pixels of a picture in which some patches were rotated (paper 000, 2.2)."""

    name: Literal["masked_image"]
    patches: int = Field(default=5, gt=0)
    """How many patches of each picture are rotated by 0, 90, 180 or 270 degrees."""
    patch_size: int = Field(default=32, gt=1)
    """Height and width of a patch in pixels; the paper does not say."""

    draws: ClassVar[tuple[str, ...]] = ("all",)
    loss_names: ClassVar[tuple[str, ...]] = ("reconstruction",)


class SimCLR(Settings):
    """Tell two views of one picture from those of all others (paper 002, 2.1)."""

    name: Literal["simclr"]
    temperature: float = Field(default=0.5, gt=0)
    """What similarities are divided by; the paper does not say."""
    projection: int = Field(default=128, gt=0)
    """How long the vectors are that are compared: what the two-layer head puts out. Its hidden
    layer is as wide as the encoder's features."""
    views: Augmentation = Augmentation(
        crop_area=(0.2, 1.0),
        crop_aspect=(0.75, 4 / 3),
        brightness=0.8,
        contrast=0.8,
        saturation=0.8,
        hue=0.2,
        colour=0.8,
        greyscale=0.2,
        blur=0.5,
    )
    """How the two views of a picture are made, after the stage's augmentation."""

    draws: ClassVar[tuple[str, ...]] = ("all",)
    loss_names: ClassVar[tuple[str, ...]] = ("contrastive",)


Objective = Annotated[Supervised | MaskedImage | SimCLR, Field(discriminator="name")]
"""Any objective's settings, told apart by ``name``."""
