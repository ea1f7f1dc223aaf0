"""Settings of DPT."""

from typing import ClassVar, Literal

from fewmask.config.architecture import ArchitectureSettings


class DPTSettings(ArchitectureSettings):
    """Feature maps of four blocks of a plain vision transformer, fused (Ranftl et al. 2021)."""

    name: Literal["dpt"]

    needs: ClassVar[tuple[str, ...]] = ("patches",)
    mend: ClassVar[str] = (
        "a plain vision transformer of timm, such as tu-vit_small_patch14_dinov2; "
        "for this encoder, unet"
    )
