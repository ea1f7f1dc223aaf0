"""The requirements of the decoders of segmentation_models_pytorch, which planning checks."""

from fewmask.config.architecture import Architecture
from fewmask.config.encoders import NOT_DILATED, WITHOUT_UNETPLUSPLUS

_DILATED = {
    "excluded_encoders": NOT_DILATED,
    "mend": "this encoder cannot be dilated; a ResNet can, say",
}

ARCHITECTURES = {
    "unet": Architecture(options=("decoder_channels",)),
    "unetplusplus": Architecture(
        options=("decoder_channels",),
        excluded_encoders=WITHOUT_UNETPLUSPLUS,
        mend="this encoder has too few feature maps; set network.architecture to unet",
    ),
    "fpn": Architecture(),
    "deeplabv3": Architecture(output_stride=8, **_DILATED),
    "deeplabv3plus": Architecture(output_stride=16, **_DILATED),
}
