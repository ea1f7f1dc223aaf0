"""Settings of DeepLabv3."""

from typing import ClassVar, Literal

from fewmask.config.architecture import ArchitectureSettings


class DeepLabV3Settings(ArchitectureSettings):
    """A dilated encoder with pooling at several dilation rates."""

    name: Literal["deeplabv3"]

    output_stride: ClassVar[int] = 8
    needs: ClassVar[tuple[str, ...]] = ("pyramid", "dilates")
