"""Settings of a network."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from fewmask.config.architecture import Architecture
from fewmask.config.choices import modules
from fewmask.config.encoders import ENCODERS, RESIDUAL
from fewmask.config.explain import did_you_mean
from fewmask.config.settings import Settings

NAMED_WEIGHTS = ("none", "imagenet")
"""Those of an encoder that are no file: random, and fetched."""

_FOUND = modules("fewmask.networks.architectures")

FOLDER_OF = {name: folder for folder, found in _FOUND.items() for name in found.ARCHITECTURES}
"""The folder of every architecture's code."""

ARCHITECTURES: dict[str, Architecture] = {
    name: one for found in _FOUND.values() for name, one in found.ARCHITECTURES.items()
}

OPTIONS = ("decoder_channels", "aspp_rates")
"""The settings that only some architectures have."""


FrozenParts = Literal["nothing", "batch_norms", "encoder"]


class Network(Settings):
    """The network of a stage: an encoder, a decoder, a head."""

    architecture: Literal[tuple(ARCHITECTURES)] = "unet"
    """A decoder of segmentation_models_pytorch, DeepLabv2 (Ke et al. 2020, 4.2), or SegNet
    (Khamesra et al.), whose encoder is a VGG."""
    encoder: str = "resnet34"
    """An encoder of segmentation_models_pytorch."""
    weights: str = "imagenet"
    """Where the encoder starts: ``none`` (random), ``imagenet``, or a .safetensors file of an
    encoder's weights."""
    frozen: FrozenParts = "nothing"
    """What stays as in the initial weights: nothing, the batch-norms of the encoder (statistics,
    scales and shifts), or all of the encoder, which then is in evaluation mode."""
    decoder_channels: list[Annotated[int, Field(gt=0, le=4096)]] | None = Field(
        default=None, min_length=3, max_length=5
    )
    """Channels of the decoder's blocks, the deepest first (unet, unetplusplus); as many blocks as
    numbers, and as deep an encoder. Absent: the architecture's own."""
    aspp_rates: list[Annotated[int, Field(gt=0, le=1000)]] | None = Field(
        default=None, min_length=1, max_length=16
    )
    """Dilation rates at which deeplabv2 scores the last feature map, to add up the scores. Absent:
    6, 12, 18, 24."""
    padding_channel: bool = False
    """A fourth input channel: 1 inside the image, 0 in its padding (Li, 2.1)."""

    @field_validator("encoder")
    @classmethod
    def _is_known(cls, encoder: str) -> str:
        if encoder not in ENCODERS:
            raise ValueError(
                f"no such encoder{did_you_mean(encoder, ENCODERS)}; known: {', '.join(ENCODERS)}"
            )
        return encoder

    @field_validator("weights")
    @classmethod
    def _is_a_source(cls, weights: str) -> str:
        is_path = weights.endswith(".safetensors") and not set("{}\n\0") & set(weights)
        if weights not in NAMED_WEIGHTS and not is_path:
            raise ValueError(
                "must be none, imagenet, or the path of a .safetensors file, without braces"
            )
        return weights

    @model_validator(mode="after")
    def _has_its_options(self) -> "Network":
        for option in OPTIONS:
            if getattr(self, option) and option not in self._architecture.options:
                having = [name for name, one in ARCHITECTURES.items() if option in one.options]
                raise ValueError(f"{self.architecture} has no {option}; {having[0]} has")
        return self

    @model_validator(mode="after")
    def _decoder_fits_encoder(self) -> "Network":
        if not self._architecture.takes(self.encoder):
            raise ValueError(
                f"{self.architecture} cannot be built on {self.encoder}: {self._architecture.mend}"
            )
        return self

    @property
    def _architecture(self) -> Architecture:
        return ARCHITECTURES[self.architecture]

    @property
    def in_channels(self) -> int:
        """The channels of the encoder's input."""
        return 4 if self.padding_channel else 3

    @property
    def has_own_last_stage(self) -> bool:
        """Whether the last stage of the encoder can be had apart from the others."""
        return self.encoder.startswith(RESIDUAL)

    def stride(self, encoder_alone: bool = False) -> int:
        """How many times as large as the last feature map images are."""
        halvings = len(self.decoder_channels or range(5))
        dilated = None if encoder_alone else self._architecture.output_stride
        return dilated or 2**halvings

    def check_size(self, height: int, width: int, encoder_alone: bool = False) -> None:
        """Raise ValueError for images that the encoder cannot halve as often as it must."""
        stride = self.stride(encoder_alone)
        if height % stride or width % stride:
            fits = [max(stride, round(length / stride) * stride) for length in (height, width)]
            raise ValueError(
                f"images of {height} x {width} do not fit the network: {self.architecture} with "
                f"{self.encoder} needs multiples of {stride}\n"
                f"  mend: set the dataset's size (or the crop) to [{fits[0]}, {fits[1]}]"
            )
