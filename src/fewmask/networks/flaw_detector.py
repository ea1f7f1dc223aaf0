"""A network that predicts where a prediction is wrong (Ke et al. 2020, guided collaborative
training)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
"""Of the activations for negative values."""


class FlawDetector(nn.Module):
    """Convolutions of 4 x 4 pixels on an image and the probabilities predicted for it.

    Each of the ``channels`` halves the maps, and all but the first have a second layer that keeps
    their size; the authors' second layers make them smaller by a pixel. One more layer halves them
    and makes the scores.
    """

    def __init__(self, inputs: int, channels: Sequence[int]) -> None:
        """``inputs``: the channels of an image and the classes."""
        super().__init__()
        layers = [*_layer(inputs, channels[0], halves=True)]
        for before, after in pairwise(channels):
            layers += [*_layer(before, after, halves=True), *_layer(after, after, halves=False)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Conv2d(channels[-1], 1, kernel_size=4, stride=2, padding=1)

    def forward(self, image: Tensor, probabilities: Tensor) -> Tensor:
        """How wrong every pixel is: float (N, C, H, W) and (N, K, H, W) -> (N, H, W), interpolated
        between the last layer's places."""
        scores = self.head(self.layers(torch.cat([image, probabilities], 1)))
        found = functional.interpolate(scores, image.shape[2:], mode="bilinear", align_corners=True)
        return found[:, 0]


class HalfInstanceNorm(nn.Module):
    """Batch-norm of half of the channels, instance-norm of the other half."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.sizes = [(channels + 1) // 2, channels // 2]
        self.batch = nn.BatchNorm2d(self.sizes[0])
        self.instance = nn.InstanceNorm2d(self.sizes[1])

    def forward(self, maps: Tensor) -> Tensor:
        """float (N, C, H, W) -> the same."""
        first, second = maps.split(self.sizes, 1)
        return torch.cat([self.batch(first), self.instance(second)], 1)


def _layer(inputs: int, outputs: int, halves: bool) -> list[nn.Module]:
    """A convolution without biases, which the norm after it would remove."""
    padding = (1, 1, 1, 1) if halves else (1, 2, 1, 2)
    return [
        nn.ZeroPad2d(padding),
        nn.Conv2d(inputs, outputs, kernel_size=4, stride=2 if halves else 1, bias=False),
        HalfInstanceNorm(outputs),
        nn.LeakyReLU(SLOPE),
    ]
