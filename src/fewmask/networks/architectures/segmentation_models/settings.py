"""The requirements of the decoders of segmentation_models_pytorch, which planning checks."""

from fewmask.config.architecture import Architecture

ARCHITECTURES = {
    "unet": Architecture(options=("decoder_channels",)),
    "unetplusplus": Architecture(
        options=("decoder_channels",),
        needs=("pyramid", "half"),
        mend="set network.architecture to unet",
    ),
    "fpn": Architecture(),
    "deeplabv3": Architecture(output_stride=8, needs=("pyramid", "dilates")),
    "deeplabv3plus": Architecture(output_stride=16, needs=("pyramid", "dilates")),
}
