"""U-Net with spatial pyramid pooling between encoder and decoder (Khamesra et al., IV.B).

The smallest feature map is averaged over grids of several sizes, as in PSPNet (Zhao et al. 2017),
after the spatial pyramid pooling of He et al. (2015): every grid is projected, enlarged and put
beside the map, and a convolution reduces all to the channels that the decoder takes.
"""

from segmentation_models_pytorch.base.modules import Conv2dReLU
from segmentation_models_pytorch.decoders.pspnet.decoder import PSPModule
from torch import nn

from fewmask.config.network import Network
from fewmask.networks.architectures.segmentation_models import library_model


def build(settings: Network, classes: int) -> nn.Module:
    """The three parts of a `Segmenter`; random weights come from torch's global generator."""
    architecture = settings.architecture
    options = {"decoder_channels": architecture.decoder_channels}
    model = library_model("unet", settings, classes, options)
    model.decoder.center = pyramid_pooling(model.encoder.out_channels[-1], architecture.pyramid)
    return model


def pyramid_pooling(channels: int, grids: list[int]) -> nn.Module:
    """float (N, channels, h, w) -> the same, with what is around every place at several scales.

    Every grid has channels / number of grids channels, rounded down.
    """
    pooled = channels + len(grids) * (channels // len(grids))
    return nn.Sequential(
        PSPModule(channels, sizes=tuple(grids)),
        Conv2dReLU(pooled, channels, kernel_size=1, use_norm="batchnorm"),
    )
