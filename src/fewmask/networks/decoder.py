"""A decoder beside that of a network."""

from collections.abc import Sequence

from torch import Tensor, nn

from fewmask.config.network import Network
from fewmask.networks.architectures.building import build


class Decoder(nn.Module):
    """A decoder and a head, for the features of an encoder that belongs to another network."""

    def __init__(self, settings: Network, channels: int) -> None:
        """``settings``: those of the other network; ``channels``: of what the head returns."""
        super().__init__()
        model = build(settings, channels)
        self.decoder = model.decoder
        self.segmentation_head = model.segmentation_head

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """What the head returns, float (N, channels, H, W); see `Segmenter.scores`."""
        return self.segmentation_head(self.decoder(list(features)))
