"""What planning knows of every architecture of a network.

That of each stands beside its code, in ``fewmask.networks.architectures.FOLDER.settings``, as
``ARCHITECTURES``: one `Architecture` for every name that the folder's code can build.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """What an architecture needs of images, encoders and settings."""

    output_stride: int | None = None
    """How many times smaller than an image the last feature map is, for an architecture that
    dilates; None: as the encoder makes it."""
    options: tuple[str, ...] = ()
    """The settings of a network that only some architectures have, and this one has."""
    encoders: tuple[str, ...] = ("",)
    """How the names begin of the encoders that it can be built on."""
    excluded_encoders: tuple[str, ...] = ()
    """How the names begin of those of them that it cannot be built on."""
    mend: str = ""
    """For other encoders: why not, and what to do."""

    def takes(self, encoder: str) -> bool:
        """Whether it can be built on an encoder."""
        return encoder.startswith(self.encoders) and not encoder.startswith(self.excluded_encoders)
