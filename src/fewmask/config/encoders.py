"""The encoders of segmentation_models_pytorch that have ImageNet weights.

Listed here because planning must not import torch; a test compares all of it with the library.
"""

PACKAGED = "tu-tf_efficientnet_lite0"
"""The encoder whose ImageNet weights are installed with Fewmask. Not the library's own
``timm-tf_efficientnet_lite0``, which it has deprecated for this one."""

TIMM = "tu-"
"""How the names of encoders start that the library takes from timm."""

MIRRORED = ("vgg",)
"""How the names of encoders start whose poolings SegNet can undo."""

NOT_DILATED = ("vgg", "densenet", "inception", "xception")
"""Of those that pool where DeepLab would dilate."""

WITHOUT_UNETPLUSPLUS = ("mit",)
"""Of those that have no feature map at half the size."""

WITHOUT_BLOCKS = ("vgg",)
"""Of those that are plain sequences of layers."""

RESIDUAL = ("resnet", "resnext", "se_", "senet")
"""Of those whose last stage is a module of its own, `layer4`."""

ENCODERS: tuple[str, ...] = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "dpn68",
    "dpn98",
    "dpn131",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "senet154",
    "se_resnet50",
    "se_resnet101",
    "se_resnet152",
    "se_resnext50_32x4d",
    "se_resnext101_32x4d",
    "densenet121",
    "densenet169",
    "densenet201",
    "densenet161",
    "inceptionresnetv2",
    "inceptionv4",
    "efficientnet-b0",
    "efficientnet-b1",
    "efficientnet-b2",
    "efficientnet-b3",
    "efficientnet-b4",
    "efficientnet-b5",
    "efficientnet-b6",
    "efficientnet-b7",
    "mobilenet_v2",
    "xception",
    "mit_b0",
    "mit_b1",
    "mit_b2",
    "mit_b3",
    "mit_b4",
    "mit_b5",
    "mobileone_s0",
    "mobileone_s1",
    "mobileone_s2",
    "mobileone_s3",
    "mobileone_s4",
    PACKAGED,
)


def of_timm(encoder: str) -> str:
    """The name that an encoder has in timm; empty for one that is not timm's."""
    return encoder.removeprefix(TIMM) if encoder.startswith(TIMM) else ""
