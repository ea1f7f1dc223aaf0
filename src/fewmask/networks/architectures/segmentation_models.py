"""Networks of segmentation_models_pytorch, by the name of their architecture there."""

import segmentation_models_pytorch as smp
from torch import nn

from fewmask.config.network import Network
from fewmask.networks.encoder import options_of_timm


def build_from_library(settings: Network, classes: int) -> nn.Module:
    """The three parts of a `Segmenter`; random weights come from torch's global generator.

    The settings of the architecture are the library's options of the same name.
    """
    architecture = settings.architecture
    return smp.create_model(
        architecture.name,
        settings.encoder,
        encoder_depth=architecture.depth,
        encoder_weights=None,
        in_channels=settings.in_channels,
        classes=classes,
        **architecture.model_dump(exclude={"name"}, exclude_none=True),
        **options_of_timm(settings),
    )
