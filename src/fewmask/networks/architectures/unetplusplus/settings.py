"""Settings of U-Net++."""

from typing import ClassVar, Literal

from fewmask.networks.architectures.unet.settings import UnetSettings


class UnetPlusPlusSettings(UnetSettings):
    """U-Net with nested blocks between encoder and decoder."""

    name: Literal["unetplusplus"]

    needs: ClassVar[tuple[str, ...]] = ("pyramid", "half")
    mend: ClassVar[str] = "set network.architecture to unet"
