"""The network of every method: an encoder, a decoder and a head, from image to class scores."""

from pathlib import Path

from segmentation_models_pytorch.base import ClassificationHead
from torch import Tensor, nn

from fewmask.config.network import Network
from fewmask.config.task import load
from fewmask.networks.architectures.building import build
from fewmask.networks.backbone import Backbone


class Segmenter(Backbone):
    """An encoder-decoder network for segmentation.

    It takes images in [0, 1] and normalises them itself, so that its weights are sufficient to use
    it.
    """

    def __init__(self, settings: Network, classes: int, encoder_weights: Path | None = None):
        """Build the network; random weights come from torch's global generator.

        Args:
            settings: which encoder and decoder.
            classes: number of classes, K.
            encoder_weights: a .safetensors file for the encoder (three input channels).

        Raises:
            FewmaskError: the file is not this encoder's.
        """
        model = build(settings, classes)
        super().__init__(settings, model.encoder, encoder_weights)
        self.decoder = model.decoder
        self.segmentation_head = model.segmentation_head
        self.classification_head = None
        self.tasks = nn.ModuleDict()

    def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """Scores of every pixel.

        Args:
            image: float (N, 3, H, W) in [0, 1].
            inside: float (N, 1, H, W), 1 inside the image and 0 in its padding.

        Returns:
            ``segmentation``: float (N, K, H, W), logits; with a classification head also
            ``classification``: float (N, number of categories), logits; with other tasks also the
            outputs of `of_task`.
        """
        features = self.features(image, inside)
        outputs = {"segmentation": self.scores(features)}
        if self.classification_head is not None:
            outputs["classification"] = self.classification_head(features[-1])
        for task in self.tasks:
            outputs |= self.of_task(task, features)
        return outputs

    def scores(self, features: list[Tensor]) -> Tensor:
        """Logits, float (N, K, H, W), from the encoder's feature maps (see ``features``)."""
        return self.segmentation_head(self.decoder(features))

    def of_task(self, name: str, features: list[Tensor]) -> dict[str, Tensor]:
        """The outputs of another task (see `Task.output`), from the encoder's feature maps."""
        decoder, head = self.tasks[name][:2]
        return load(name).output(head(decoder(features)).float(), self.helpers(name))

    def helpers(self, name: str) -> list[nn.Module]:
        """The modules without weights that a task needs (see `Task.helpers`)."""
        return list(self.tasks[name])[2:] if name in self.tasks else []

    def add_tasks(self, channels: dict[str, int]) -> None:
        """Add a decoder and a head for each of other tasks; ``forward`` then predicts them, too.

        Args:
            channels: the channels of the heads, by task.
        """
        for name, count in channels.items():
            model = build(self.settings, count)
            parts = [model.decoder, model.segmentation_head, *load(name).helpers(count)]
            self.tasks[name] = nn.ModuleList(parts)

    def add_classification_head(self, categories: int, dropout: float) -> None:
        """Add a head with which ``forward`` also predicts the category of an image (Li, 2.3)."""
        channels = self.encoder.out_channels[-1]
        self.classification_head = ClassificationHead(channels, categories, dropout=dropout)
