"""Supervised learning: the masks of the labelled pictures."""

from collections.abc import Callable

from torch import Tensor

from fewmask.config import objectives as settings
from fewmask.data.batches import Batch
from fewmask.networks.segmenter import Segmenter
from fewmask.objectives.losses import BY_NAME
from fewmask.objectives.objective import Objective


class Supervised(Objective):
    """The named losses of the network's class scores against the masks."""

    def __init__(self, options: settings.Supervised, network: Segmenter) -> None:
        super().__init__(network)
        self.names = options.losses

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        batch = batches["labelled"]
        logits = self.network(batch.image, batch.inside)["segmentation"]
        return {name: BY_NAME[name](logits, batch.mask) for name in self.names}


def build(
    options: settings.Supervised, classes: int, network: Callable[[int], Segmenter]
) -> Supervised:
    """The objective with a network that predicts the classes."""
    return Supervised(options, network(classes))
