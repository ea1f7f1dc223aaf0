"""The decoders of segmentation_models_pytorch."""

import segmentation_models_pytorch as smp
from torch import nn

from fewmask.config.network import Network
from fewmask.networks.backbone import encoder_depth
from fewmask.networks.encoder import options_of_timm


def build(settings: Network, classes: int) -> nn.Module:
    """The three parts of a `Segmenter`; random weights come from torch's global generator."""
    options = encoder_depth(settings) | options_of_timm(settings)
    if settings.decoder_channels:
        options["decoder_channels"] = settings.decoder_channels
    return smp.create_model(
        settings.architecture,
        settings.encoder,
        encoder_weights=None,
        in_channels=settings.in_channels,
        classes=classes,
        **options,
    )
