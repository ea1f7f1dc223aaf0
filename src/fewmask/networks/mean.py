"""Several networks as one."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from fewmask.networks.segmenter import Segmenter

LIST = "networks"


class MeanOfNetworks(nn.Module):
    """Predicts the mean of the class probabilities of several networks.

    It is the ``result`` of an objective that trains several alike; the settings of such an
    objective say how many there are (`ObjectiveSettings.result_networks`).
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """``segmentation``: float32 (N, K, H, W), the logarithms of the mean probabilities, which
        serve as logits; arguments as of `Segmenter`."""
        logits = [one(image, inside)["segmentation"].float() for one in self.networks]
        summed = torch.stack([one.log_softmax(1) for one in logits]).logsumexp(0)
        return {"segmentation": summed - math.log(len(logits))}


Predictor = Segmenter | MeanOfNetworks
"""What a trained stage predicts with."""


def of_network(weights: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    """Of the weights of a mean those of one network, counted round; other weights as they are."""
    numbers = {name.split(".")[1] for name in weights if name.startswith(f"{LIST}.")}
    if not numbers:
        return weights
    prefix = f"{LIST}.{index % len(numbers)}."
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }
