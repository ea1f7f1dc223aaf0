"""Settings of a network."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from fewmask.config.architecture import Architecture
from fewmask.config.choices import modules
from fewmask.config.encoders import OF_LIBRARY, PACKAGED, Encoder, find, names
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
    """An encoder of segmentation_models_pytorch, or a network of timm: ``tu-NAME``, or
    ``tu-NAME.TAG`` for other weights than its default ones."""
    weights: str = "imagenet"
    """Where the encoder starts: ``none`` (random), ``imagenet`` (the weights that are published for
    it, of ImageNet or of the data that its name tells), or a .safetensors file of its weights."""
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
        if find(encoder) is None:
            raise ValueError(
                f"no such encoder{did_you_mean(encoder, names())}\n"
                f"  expected: {', '.join(OF_LIBRARY)}, or tu-NAME for a network of timm\n"
                f"  mend: fewmask encoders WORD lists those whose names contain a word"
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
        if lacking := self._architecture.lacks(self.known_encoder):
            raise ValueError(
                f"{self.architecture} cannot be built on {self.encoder}, which lacks {lacking[0]}\n"
                f"  mend: {self._architecture.mend}"
            )
        return self

    @model_validator(mode="after")
    def _has_published_weights(self) -> "Network":
        is_of_timm = self.encoder not in OF_LIBRARY
        if self.weights == "imagenet" and is_of_timm and not self.known_encoder.tags:
            raise ValueError(
                f"timm publishes no weights of {self.encoder}\n"
                f"  mend: weights: none, a .safetensors file, or an encoder such as {PACKAGED}"
            )
        return self

    @property
    def _architecture(self) -> Architecture:
        return ARCHITECTURES[self.architecture]

    @property
    def known_encoder(self) -> Encoder:
        """What planning knows of the encoder."""
        known = find(self.encoder)
        assert known is not None  # see _is_known
        return known

    @property
    def in_channels(self) -> int:
        """The channels of the encoder's input."""
        return 4 if self.padding_channel else 3

    @property
    def has_own_last_stage(self) -> bool:
        """Whether the last stage of the encoder can be had apart from the others."""
        return "last_stage" in self.known_encoder.traits

    def stride(self, encoder_alone: bool = False) -> int:
        """How many times as large as the last feature map images are."""
        if self.known_encoder.patch:
            return self.known_encoder.patch
        halvings = len(self.decoder_channels or range(5))
        dilated = None if encoder_alone else self._architecture.output_stride
        return dilated or 2**halvings

    def check_size(self, height: int, width: int, encoder_alone: bool = False) -> None:
        """Raise ValueError for images that the encoder cannot take, or not halve as it must."""
        only = self.known_encoder.size
        if only not in (None, (height, width)):
            raise ValueError(
                f"images of {height} x {width} do not fit the network: {self.encoder} takes only "
                f"those of {only[0]} x {only[1]}\n"
                f"  mend: set the dataset's size (or the crop) to [{only[0]}, {only[1]}]"
            )
        stride = self.stride(encoder_alone)
        if height % stride or width % stride:
            fits = [max(stride, round(length / stride) * stride) for length in (height, width)]
            raise ValueError(
                f"images of {height} x {width} do not fit the network: {self.architecture} with "
                f"{self.encoder} needs multiples of {stride}\n"
                f"  mend: set the dataset's size (or the crop) to [{fits[0]}, {fits[1]}]"
            )
