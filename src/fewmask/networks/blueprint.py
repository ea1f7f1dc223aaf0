"""What the networks of an objective are built from."""

from dataclasses import dataclass
from pathlib import Path

from fewmask.config.network import Network
from fewmask.networks.backbone import Backbone
from fewmask.networks.segmenter import Segmenter


@dataclass(frozen=True)
class Blueprint:
    """Builds the networks that an objective asks for; random weights come from torch's generator.

    Building raises FewmaskError for a file of weights that is not the encoder's.
    """

    settings: Network
    classes: int
    """How many the dataset has."""
    categories: int = 0
    """How many the dataset has."""
    encoder_weights: Path | None = None
    """A .safetensors file that encoders start from."""

    def segmenter(self, outputs: int | None = None) -> Segmenter:
        """From image to scores; as many as there are classes unless ``outputs`` says."""
        outputs = self.classes if outputs is None else outputs
        return Segmenter(self.settings, outputs, self.encoder_weights)

    def backbone(self) -> Backbone:
        """The encoder alone."""
        return Backbone(self.settings, encoder_weights=self.encoder_weights)
