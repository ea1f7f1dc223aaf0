"""Settings of DeepLabv3+."""

from typing import ClassVar, Literal

from fewmask.config.architecture import ArchitectureSettings


class DeepLabV3PlusSettings(ArchitectureSettings):
    """DeepLabv3 with a decoder that adds an early feature map."""

    name: Literal["deeplabv3plus"]

    output_stride: ClassVar[int] = 16
    needs: ClassVar[tuple[str, ...]] = ("pyramid", "dilates")
