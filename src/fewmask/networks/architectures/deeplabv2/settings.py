"""The requirements of DeepLabv2, which planning checks."""

from fewmask.config.architecture import Architecture
from fewmask.config.encoders import NOT_DILATED

OUTPUT_STRIDE = 8

ARCHITECTURES = {
    "deeplabv2": Architecture(
        output_stride=OUTPUT_STRIDE,
        options=("aspp_rates",),
        excluded_encoders=NOT_DILATED,
        mend="this encoder cannot be dilated; a ResNet can, say",
    )
}
