"""Networks of segmentation_models_pytorch, by the name of their architecture there."""

from typing import Any

import segmentation_models_pytorch as smp
from torch import nn

from fewmask.config.network import Network
from fewmask.networks.encoder import options_of_timm


def build_from_library(settings: Network, classes: int) -> nn.Module:
    """The three parts of a `Segmenter`; random weights come from torch's global generator.

    The settings of the architecture are the library's options of the same name.
    """
    architecture = settings.architecture
    options = architecture.model_dump(exclude={"name"}, exclude_none=True)
    return library_model(architecture.name, settings, classes, options)


def library_model(
    architecture: str, settings: Network, classes: int, options: dict[str, Any]
) -> nn.Module:
    """The same of another architecture of the library, with options for it."""
    return smp.create_model(
        architecture,
        settings.encoder,
        encoder_depth=settings.architecture.depth,
        encoder_weights=None,
        in_channels=settings.in_channels,
        classes=classes,
        **options,
        **options_of_timm(settings),
    )
