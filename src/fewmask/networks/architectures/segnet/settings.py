"""The requirements of SegNet, which planning checks."""

from fewmask.config.architecture import Architecture

ARCHITECTURES = {
    "segnet": Architecture(
        needs=("vgg",), mend="its decoder mirrors a VGG; set network.encoder to vgg16_bn"
    )
}
