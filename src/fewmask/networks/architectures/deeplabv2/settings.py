"""The requirements of DeepLabv2, which planning checks."""

from fewmask.config.architecture import Architecture

OUTPUT_STRIDE = 8

ARCHITECTURES = {
    "deeplabv2": Architecture(
        output_stride=OUTPUT_STRIDE,
        options=("aspp_rates",),
        needs=("pyramid", "dilates"),
    )
}
