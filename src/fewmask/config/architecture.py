"""What the settings of every architecture of a network tell planning.

Those of each stand beside its code, in ``fewmask.networks.architectures.NAME.settings``.
"""

from typing import ClassVar

from fewmask.config.encoders import TRAITS, Encoder
from fewmask.config.settings import Settings


class ArchitectureSettings(Settings):
    """Base of the settings of all architectures: what each needs of encoders and images."""

    name: str

    output_stride: ClassVar[int | None] = None
    """How many times smaller than an image the last feature map is, for an architecture that
    dilates; None: as the encoder makes it."""
    needs: ClassVar[tuple[str, ...]] = ("pyramid",)
    """The traits that its encoder must have (`fewmask.config.encoders.TRAITS`)."""
    mend: ClassVar[str] = "a ResNet, say; for a plain vision transformer, architecture: dpt"
    """For other encoders: what to take."""

    @property
    def depth(self) -> int:
        """How many times its encoder halves images, if it does not dilate."""
        return 5

    def lacks(self, encoder: Encoder) -> list[str]:
        """What it would need of an encoder, in words."""
        return [TRAITS[trait] for trait in self.needs if trait not in encoder.traits]
