"""Settings of a network."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from fewmask.config.encoders import (
    ENCODERS,
    MIRRORED,
    NOT_DILATED,
    RESIDUAL,
    WITHOUT_UNETPLUSPLUS,
)
from fewmask.config.explain import did_you_mean
from fewmask.config.settings import Settings

NAMED_WEIGHTS = ("none", "imagenet")
"""Those of an encoder that are no file: random, and fetched."""

OUTPUT_STRIDES = {"deeplabv2": 8, "deeplabv3": 8, "deeplabv3plus": 16}
"""Of the encoders of networks that dilate instead of halving further."""


class Network(Settings):
    """The network of a stage: an encoder, a decoder, a head."""

    architecture: Literal[
        "unet", "unetplusplus", "fpn", "deeplabv2", "deeplabv3", "deeplabv3plus", "segnet"
    ] = "unet"
    """A decoder of segmentation_models_pytorch, DeepLabv2 (Ke et al. 2020, 4.2), or SegNet
    (Khamesra et al.), whose encoder is a VGG."""
    encoder: str = "resnet34"
    """An encoder of segmentation_models_pytorch."""
    weights: str = "imagenet"
    """Where the encoder starts: ``none`` (random), ``imagenet``, or a .safetensors file of an
    encoder's weights."""
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
    def _decoder_has_channels(self) -> "Network":
        if self.decoder_channels and not self.architecture.startswith("unet"):
            raise ValueError(f"{self.architecture} has no decoder_channels; unet has")
        return self

    @model_validator(mode="after")
    def _head_has_rates(self) -> "Network":
        if self.aspp_rates and self.architecture != "deeplabv2":
            raise ValueError(f"{self.architecture} has no aspp_rates; deeplabv2 has")
        return self

    @model_validator(mode="after")
    def _decoder_fits_encoder(self) -> "Network":
        cannot, mend = False, ""
        if self.architecture == "segnet":
            cannot = not self.encoder.startswith(MIRRORED)
            mend = "its decoder mirrors a VGG; set network.encoder to vgg16_bn"
        elif self.architecture in OUTPUT_STRIDES:
            cannot = self.encoder.startswith(NOT_DILATED)
            mend = "this encoder cannot be dilated; a ResNet can, say"
        elif self.architecture == "unetplusplus":
            cannot = self.encoder.startswith(WITHOUT_UNETPLUSPLUS)
            mend = "this encoder has too few feature maps; set network.architecture to unet"
        if cannot:
            raise ValueError(f"{self.architecture} cannot be built on {self.encoder}: {mend}")
        return self

    @property
    def has_own_last_stage(self) -> bool:
        """Whether the last stage of the encoder can be had apart from the others."""
        return self.encoder.startswith(RESIDUAL)

    def stride(self, encoder_alone: bool = False) -> int:
        """How many times as large as the last feature map images are."""
        halvings = len(self.decoder_channels or range(5))
        return 2**halvings if encoder_alone else OUTPUT_STRIDES.get(self.architecture, 2**halvings)

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
