"""Discriminators: networks that tell masks from what a segmenter predicts.

They see one map for every class: the probabilities of a prediction, or a mask, which has 1 for the
class of a pixel and 0 for all others; and what else they are given, such as the image.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
"""Of the activations for negative values."""


class PixelDiscriminator(nn.Module):
    """Judges every pixel (Hung et al. 2018): convolutions that each halve the maps, without
    normalisation."""

    def __init__(self, inputs: int, channels: Sequence[int]) -> None:
        """``channels``: of the layers after the ``inputs``; one more layer makes the scores."""
        super().__init__()
        self.layers = _halving(inputs, channels)
        self.head = _convolution(channels[-1], 1)

    def forward(self, maps: Tensor) -> Tensor:
        """How much every pixel looks like one of a mask: float (N, C, H, W) -> logits (N, H, W),
        interpolated between the last layer's places."""
        scores = self.head(self.layers(maps)).to(maps.dtype)
        return functional.interpolate(scores, maps.shape[2:], mode="bilinear")[:, 0]


class ImageDiscriminator(nn.Module):
    """Judges whole images (Mittal et al. 2019): convolutions that each halve the maps, channels of
    which are dropped in between, and a linear layer on the means of the last ones."""

    def __init__(self, inputs: int, channels: Sequence[int], dropout: float) -> None:
        """``channels``: of the layers after the ``inputs``; ``dropout``: the probability with which
        a channel between two of them is dropped."""
        super().__init__()
        self.layers = _halving(inputs, channels, dropout)
        self.head = nn.Linear(channels[-1], 1)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """How much every image looks like one with its mask, logits (N), and the features by which
        that is judged, (N, D); float. ``maps``: float (N, C, H, W)."""
        features = self.layers(maps).mean((2, 3))
        return self.head(features)[:, 0].to(maps.dtype), features.to(maps.dtype)


def _halving(inputs: int, channels: Sequence[int], dropout: float = 0.0) -> nn.Sequential:
    """Layers that each halve the maps; between them some channels are dropped."""
    layers: list[nn.Module] = []
    for before, after in pairwise([inputs, *channels]):
        if layers and dropout:
            layers.append(nn.Dropout2d(dropout))
        layers += [_convolution(before, after), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1)
