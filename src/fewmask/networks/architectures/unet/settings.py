"""Settings of U-Net."""

from typing import Annotated, Literal

from pydantic import Field

from fewmask.config.architecture import ArchitectureSettings

DecoderChannels = Annotated[
    list[Annotated[int, Field(gt=0, le=4096)]], Field(min_length=3, max_length=5)
]


class UnetSettings(ArchitectureSettings):
    """A decoder that takes every feature map of the encoder at its size."""

    name: Literal["unet"]
    decoder_channels: DecoderChannels = [256, 128, 64, 32, 16]
    """Channels of the decoder's blocks, the deepest first; as many blocks as numbers, and as deep
    an encoder."""

    @property
    def depth(self) -> int:
        """As many halvings as the decoder has blocks."""
        return len(self.decoder_channels)
