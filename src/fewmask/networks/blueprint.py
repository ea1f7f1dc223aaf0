"""The settings from which an objective builds its networks."""

from dataclasses import dataclass
from pathlib import Path

from fewmask.config.network import Network
from fewmask.networks.backbone import Backbone
from fewmask.networks.decoder import Decoder
from fewmask.networks.segmenter import Segmenter


@dataclass(frozen=True)
class Blueprint:
    """Builds the networks of an objective; random weights come from torch's global generator.

    Building raises FewmaskError for a file of weights of another encoder.
    """

    settings: Network
    heads: dict[str, int]
    """The tasks of the objective, and the channels of their heads."""
    categories: int = 0
    """The number of categories of the dataset."""
    encoder_weights: Path | None = None
    """A .safetensors file with the initial weights of encoders."""
    steps: int = 1
    """The updates of the training, for objectives that change in its course."""

    @property
    def image_channels(self) -> int:
        """The channels of the images."""
        return self.settings.image_channels

    def segmenter(self, heads: dict[str, int] | None = None) -> Segmenter:
        """A network with a decoder and a head for every task, or with other ``heads``."""
        return Segmenter(self.settings, heads or self.heads, self.encoder_weights)

    def backbone(self) -> Backbone:
        """The encoder alone."""
        return Backbone(self.settings, encoder_weights=self.encoder_weights)

    def decoder(self) -> Decoder:
        """A further decoder and head for the first task, for the features of another network."""
        return Decoder(self.settings, next(iter(self.heads.values())))
