"""The mean and standard deviation of the images that the weights of an encoder were trained on."""

import timm
from timm.data import constants

from fewmask.config.encoders import of_timm

Colours = tuple[float, float, float]

IMAGENET = (constants.IMAGENET_DEFAULT_MEAN, constants.IMAGENET_DEFAULT_STD)
INCEPTION = (constants.IMAGENET_INCEPTION_MEAN, constants.IMAGENET_INCEPTION_STD)
DPN = (constants.IMAGENET_DPN_MEAN, constants.IMAGENET_DPN_STD)

OTHERS = {"inception": INCEPTION, "xception": INCEPTION, "dpn": DPN}
"""By how the names of encoders of segmentation_models_pytorch start: those with other constants
than ImageNet's. The library has them only in the files of the weights (``config.json``)."""


def normalisation(encoder: str) -> tuple[Colours, Colours]:
    """Mean and standard deviation of the red, green and blue of images in [0, 1]."""
    if name := of_timm(encoder):
        trained = timm.get_pretrained_cfg(name)
        return trained.mean, trained.std
    return next((own for start, own in OTHERS.items() if encoder.startswith(start)), IMAGENET)
