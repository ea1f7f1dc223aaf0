"""The base of objectives of two networks."""

from torch import Tensor, nn

from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.mean import MeanOfNetworks
from fewmask.objectives.consistency.base import ramp_up
from fewmask.objectives.objective import Objective
from fewmask.objectives.two_networks.options import TwoNetworksSettings


class TwoNetworks(Objective):
    """Two segmenters, ``network`` and ``second``, whose decoders start from weights of their
    own."""

    def __init__(self, options: TwoNetworksSettings, blueprint: Blueprint) -> None:
        super().__init__(blueprint.segmenter())
        self.second = blueprint.segmenter()
        self.options, self.steps = options, blueprint.steps

    @property
    def networks(self) -> list[nn.Module]:
        return [self.network, self.second]

    @property
    def result(self) -> nn.Module:
        return MeanOfNetworks(self.networks) if self.options.result == "mean" else self.network

    def logits(self, batch: Batch) -> list[Tensor]:
        """Of both networks, float (N, K, H, W) each."""
        return [
            self.predict(one, batch.image, batch.inside)["segmentation"] for one in self.networks
        ]

    def weight(self, step: int) -> float:
        """Of what they learn from each other."""
        return ramp_up(step, self.options.ramp_up * self.steps)
