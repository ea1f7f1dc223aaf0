"""Settings that adversarial objectives share."""

from typing import Annotated, ClassVar

from pydantic import Field

from fewmask.config.optimiser import Adam, Optimiser
from fewmask.config.settings import Settings
from fewmask.objectives.hard_pixels import LearnsMasks

Channels = Annotated[int, Field(ge=1, le=4096)]


class Discriminator(Settings):
    """The network that tells masks from predictions."""

    channels: tuple[Channels, ...] = Field(default=(64, 128, 256, 512), min_length=1, max_length=8)
    """The channels of its layers, each of which halves height and width."""
    optimiser: Optimiser = Adam(name="adam", learning_rate=1e-4, betas=(0.9, 0.99))
    """Its own; its learning rate follows the stage's schedule."""


class AdversarialSettings(LearnsMasks):
    """Base of those that have a discriminator."""

    discriminator: Discriminator = Discriminator()

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    further_halvings: ClassVar[int] = 0
    """How often the discriminator halves height and width after the layers of ``channels``."""

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        check_halvings(self, "discriminator", self.further_halvings, (height, width))
        return height, width


def check_halvings(
    options: Settings, key: str, further: int, size: tuple[int, int], left: int = 1
) -> None:
    """Raise ValueError for images, of height and width, that are too small for a discriminator.

    Args:
        options: have the discriminator.
        key: of it.
        further: how often it halves them after the layers of its ``channels``.
        size: height and width.
        left: the places that must be left of them in height and width.
    """
    halvings = len(getattr(options, key).channels) + further
    least = left * 2**halvings
    if min(size) < least:
        raise ValueError(
            f"objective.{key} halves images {halvings} times, and those of "
            f"{size[0]} x {size[1]} are too small for it\n"
            f"  expected: at least {least} pixels in height and width\n"
            f"  mend: larger images, or fewer layers in objective.{key}.channels"
        )
