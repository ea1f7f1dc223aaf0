"""Settings of SegNet."""

from typing import ClassVar, Literal

from fewmask.config.architecture import ArchitectureSettings


class SegNetSettings(ArchitectureSettings):
    """A VGG and its mirror image (Khamesra et al.)."""

    name: Literal["segnet"]

    needs: ClassVar[tuple[str, ...]] = ("vgg",)
    mend: ClassVar[str] = "its decoder mirrors a VGG; set network.encoder to vgg16_bn"
