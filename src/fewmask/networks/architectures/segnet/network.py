"""SegNet: a VGG, and its mirror image, which puts maxima back where the VGG's poolings took them.

Badrinarayanan, Kendall, Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder Architecture for
Image Segmentation" (2017): the single-task network of Khamesra et al. Its parts are those of a
`Segmenter`, which runs them:

    encoder             a VGG; the paper's is vgg16_bn
    decoder             unpools and convolves, `Mirror`
    segmentation_head   the mirror image of the encoder's first convolution scores the classes, as
                        in the authors' models (github.com/alexgkendall/SegNet-Tutorial)

The decoder computes the places of the maxima from the feature maps. So any number of decoders can
share an encoder, and each can decode a part of the batch.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from fewmask.config.network import Network
from fewmask.networks.encoder import build_encoder


class SegNet(nn.Module):
    """The three parts of SegNet; random weights come from torch's global generator."""

    def __init__(self, settings: Network, classes: int) -> None:
        super().__init__()
        self.encoder = build_encoder(settings)
        self.decoder = Mirror(self.encoder)
        self.segmentation_head = nn.Conv2d(self.encoder.out_channels[0], classes, 3, padding=1)
        for part in (self.decoder, self.segmentation_head):
            part.apply(_start)


class Mirror(nn.Module):
    """A VGG backwards, all but its first convolution.

    Unpooling for pooling, and for a convolution from C to D channels one from D to C, with
    batch-norm and ReLU: (512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64), (64) for
    VGG-16. The last block for VGG-11, which has one convolution there, only unpools.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        for layer in reversed(encoder.features[1:]):
            if isinstance(layer, nn.MaxPool2d):
                self.blocks.append(nn.Sequential())
            elif isinstance(layer, nn.Conv2d):
                self.blocks[-1].extend(_convolution(layer.out_channels, layer.in_channels))

    def forward(self, features: list[Tensor]) -> Tensor:
        """float (N, C, h, w) each, the smallest last -> float (N, D, H, W), of the largest's size.

        All but the last are those that the encoder pools; the last is what its last pooling gives.
        """
        maps = features[-1]
        for block, pooled in zip(self.blocks, reversed(features[:-1]), strict=True):
            maps = block(unpool(maps, pooled))
        return maps


def unpool(maps: Tensor, pooled: Tensor) -> Tensor:
    """Put each value where the maximum of 2 x 2 pixels was, and zeros elsewhere.

    Args:
        maps: float (N, C, h, w).
        pooled: float (N, C, 2 h, 2 w), where the maxima are. The first of several, as in pooling.
    """
    with torch.no_grad():
        places = F.max_pool2d(pooled, 2, return_indices=True)[1]
    return F.max_unpool2d(maps, places, 2)


def _convolution(channels: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


def _start(module: nn.Module) -> None:
    """As the paper does, after He et al. (2015)."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


build = SegNet
