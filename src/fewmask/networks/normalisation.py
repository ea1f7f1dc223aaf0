"""The mean and standard deviation of the images that the weights of an encoder were trained on."""

import timm
from timm.data import constants

from fewmask.config.encoders import of_timm
from fewmask.config.network import Network

Values = tuple[float, ...]

IMAGENET = (constants.IMAGENET_DEFAULT_MEAN, constants.IMAGENET_DEFAULT_STD)
INCEPTION = (constants.IMAGENET_INCEPTION_MEAN, constants.IMAGENET_INCEPTION_STD)
DPN = (constants.IMAGENET_DPN_MEAN, constants.IMAGENET_DPN_STD)

OTHERS = {"inception": INCEPTION, "xception": INCEPTION, "dpn": DPN}
"""By how the names of encoders of segmentation_models_pytorch start: those with other constants
than ImageNet's. The library has them only in the files of the weights (``config.json``)."""


def normalisation(network: Network) -> tuple[Values, Values]:
    """Mean and standard deviation of each channel of images in [0, 1].

    Those of red, green and blue; of another number of channels, for each the mean of theirs.
    """
    of_colours, channels = _of_colours(network.encoder), network.image_channels
    if channels == 3:
        return of_colours
    return tuple((sum(values) / 3,) * channels for values in of_colours)


def _of_colours(encoder: str) -> tuple[Values, Values]:
    if name := of_timm(encoder):
        trained = timm.get_pretrained_cfg(name)
        return trained.mean, trained.std
    return next((own for start, own in OTHERS.items() if encoder.startswith(start)), IMAGENET)
