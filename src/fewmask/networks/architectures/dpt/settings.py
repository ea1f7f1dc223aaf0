"""What planning knows of DPT."""

from fewmask.config.architecture import Architecture

ARCHITECTURES = {
    "dpt": Architecture(
        needs=("patches",),
        mend="a plain vision transformer of timm, such as tu-vit_small_patch14_dinov2; "
        "for this encoder, unet",
    )
}
