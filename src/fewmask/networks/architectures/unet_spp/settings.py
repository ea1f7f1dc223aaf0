"""Settings of U-Net with spatial pyramid pooling."""

from typing import Annotated, Literal

from pydantic import Field

from fewmask.networks.architectures.unet.settings import UnetSettings


class UnetSppSettings(UnetSettings):
    """U-Net whose smallest feature map is pooled at several scales (Khamesra et al., IV.B; they do
    not say at which)."""

    name: Literal["unet_spp"]
    pyramid: list[Annotated[int, Field(gt=0, le=64)]] = Field(
        default=[1, 2, 3, 6], min_length=1, max_length=8
    )
    """The grids, of n x n cells, that the map is averaged over; by default those of PSPNet."""
