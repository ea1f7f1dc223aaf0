"""Settings of a network."""

from typing import Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from fewmask.config.architecture import ArchitectureSettings
from fewmask.config.choices import choices, or_name
from fewmask.config.encoders import OF_LIBRARY, PACKAGED, Encoder, find, names
from fewmask.config.explain import did_you_mean
from fewmask.config.settings import Settings

NAMED_WEIGHTS = ("none", "imagenet")
"""Those of an encoder that are no file: random, and fetched."""

SIZE = "set the size of the dataset or its tiles (or the crop)"
"""How to mend images that do not fit a network."""

Architecture = or_name(choices("fewmask.networks.architectures", ArchitectureSettings))
"""Any architecture's settings, told apart by ``name``; or its name alone."""

FrozenParts = Literal["nothing", "batch_norms", "encoder"]


class Network(Settings):
    """The network of a stage: an encoder, a decoder, a head."""

    architecture: Architecture = Field(default="unet", validate_default=True)
    """The decoder and the head, and how the encoder is built: a name, or a name with options
    (``{name: unet, decoder_channels: [64, 32, 16]}``)."""
    encoder: str = "resnet34"
    """An encoder of segmentation_models_pytorch, or a network of timm: ``tu-NAME``, or
    ``tu-NAME.TAG`` for other weights than its default ones."""
    weights: str = "imagenet"
    """Where the encoder starts: ``none`` (random), ``imagenet`` (the weights that are published for
    it, of ImageNet or of the data that its name tells), or a .safetensors file of its weights."""
    frozen: FrozenParts = "nothing"
    """What stays as in the initial weights: nothing, the batch-norms of the encoder (statistics,
    scales and shifts), or all of the encoder, which then is in evaluation mode."""
    padding_channel: bool = False
    """A further input channel: 1 inside the image, 0 in its padding (Li, 2.1)."""
    _image_channels: int = PrivateAttr(default=3)
    """Of the images that it takes: a matter of the dataset, not of the network's settings."""

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
    def _decoder_fits_encoder(self) -> "Network":
        architecture = self.architecture
        if lacking := architecture.lacks(self.known_encoder):
            raise ValueError(
                f"{architecture.name} cannot be built on {self.encoder}, which lacks {lacking[0]}\n"
                f"  mend: {architecture.mend}"
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
    def known_encoder(self) -> Encoder:
        """What planning knows of the encoder."""
        known = find(self.encoder)
        assert known is not None  # see _is_known
        return known

    def for_images(self, channels: int) -> Self:
        """The same for images of so many channels."""
        network = self.model_copy()
        network._image_channels = channels
        return network

    @property
    def image_channels(self) -> int:
        """The channels of the images that it takes."""
        return self._image_channels

    @property
    def in_channels(self) -> int:
        """The channels of the encoder's input."""
        return self.image_channels + self.padding_channel

    @property
    def has_own_last_stage(self) -> bool:
        """Whether the last stage of the encoder can be had apart from the others."""
        return "last_stage" in self.known_encoder.traits

    def stride(self, encoder_alone: bool = False) -> int:
        """How many times as large as the last feature map images are."""
        if self.known_encoder.patch:
            return self.known_encoder.patch
        dilated = None if encoder_alone else self.architecture.output_stride
        return dilated or 2**self.architecture.depth

    def check_size(self, height: int, width: int, encoder_alone: bool = False) -> None:
        """Raise ValueError for images that the encoder cannot take, or not halve as it must."""
        only = self.known_encoder.size
        if only not in (None, (height, width)):
            raise ValueError(
                f"images of {height} x {width} do not fit the network: {self.encoder} takes only "
                f"those of {only[0]} x {only[1]}\n"
                f"  mend: {SIZE} to [{only[0]}, {only[1]}]"
            )
        stride = self.stride(encoder_alone)
        if height % stride or width % stride:
            fits = [max(stride, round(length / stride) * stride) for length in (height, width)]
            raise ValueError(
                f"images of {height} x {width} do not fit the network: "
                f"{self.architecture.name} with {self.encoder} needs multiples of {stride}\n"
                f"  mend: {SIZE} to [{fits[0]}, {fits[1]}]"
            )
