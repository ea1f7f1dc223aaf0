"""The settings from which an objective builds its networks."""

from dataclasses import dataclass
from pathlib import Path

from fewmask.config.network import Network
from fewmask.networks.backbone import Backbone
from fewmask.networks.segmenter import Segmenter


@dataclass(frozen=True)
class Blueprint:
    """Builds the networks of an objective; random weights come from torch's global generator.

    Building raises FewmaskError for a file of weights of another encoder.
    """

    settings: Network
    classes: int
    """The number of classes of the dataset."""
    categories: int = 0
    """The number of categories of the dataset."""
    encoder_weights: Path | None = None
    """A .safetensors file with the initial weights of encoders."""
    steps: int = 1
    """The updates of the training, for objectives that change in its course."""

    def segmenter(self, outputs: int | None = None) -> Segmenter:
        """A network from image to ``outputs`` scores, by default one for every class."""
        outputs = self.classes if outputs is None else outputs
        return Segmenter(self.settings, outputs, self.encoder_weights)

    def backbone(self) -> Backbone:
        """The encoder alone."""
        return Backbone(self.settings, encoder_weights=self.encoder_weights)
