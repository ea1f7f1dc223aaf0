"""Settings of DeepLabv2."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewmask.config.architecture import ArchitectureSettings


class DeepLabV2Settings(ArchitectureSettings):
    """A dilated encoder whose last feature map is scored at several dilation rates (Ke et al.
    2020, 4.2)."""

    name: Literal["deeplabv2"]
    aspp_rates: list[Annotated[int, Field(gt=0, le=1000)]] = Field(
        default=[6, 12, 18, 24], min_length=1, max_length=16
    )
    """The dilation rates, whose scores are added up; by default those of DeepLab-ASPP-L."""

    output_stride: ClassVar[int] = 8
    needs: ClassVar[tuple[str, ...]] = ("pyramid", "dilates")
