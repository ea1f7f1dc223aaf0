"""What planning knows of every architecture of a network.

That of each stands beside its code, in ``fewmask.networks.architectures.FOLDER.settings``, as
``ARCHITECTURES``: one `Architecture` for every name that the folder's code can build.
"""

from dataclasses import dataclass

from fewmask.config.encoders import TRAITS, Encoder


@dataclass(frozen=True)
class Architecture:
    """What an architecture needs of images, encoders and settings."""

    output_stride: int | None = None
    """How many times smaller than an image the last feature map is, for an architecture that
    dilates; None: as the encoder makes it."""
    options: tuple[str, ...] = ()
    """The settings of a network that only some architectures have, and this one has."""
    needs: tuple[str, ...] = ("pyramid",)
    """The traits that its encoder must have (`fewmask.config.encoders.TRAITS`)."""
    mend: str = "a ResNet, say; for a plain vision transformer, architecture: dpt"
    """For other encoders: what to take."""

    def lacks(self, encoder: Encoder) -> list[str]:
        """What it would need of an encoder, in words."""
        return [TRAITS[trait] for trait in self.needs if trait not in encoder.traits]
