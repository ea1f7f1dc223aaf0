"""The requirements of SegNet, which planning checks."""

from fewmask.config.architecture import Architecture
from fewmask.config.encoders import MIRRORED

ARCHITECTURES = {
    "segnet": Architecture(
        encoders=MIRRORED, mend="its decoder mirrors a VGG; set network.encoder to vgg16_bn"
    )
}
