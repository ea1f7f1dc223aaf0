"""The network of every method that predicts pixels: an encoder, with a decoder and a head per
task."""

from pathlib import Path

from segmentation_models_pytorch.base import ClassificationHead
from torch import Tensor, nn

from fewmask.config.network import Network
from fewmask.config.task import load
from fewmask.networks.architectures.building import build
from fewmask.networks.backbone import Backbone


class Segmenter(Backbone):
    """An encoder-decoder network.

    ``decoder`` and ``segmentation_head`` (as segmentation_models_pytorch calls the head of any
    prediction of pixels) are those of the first task; each further task has its own pair.

    It takes images in [0, 1] and normalises them itself, so that its weights are sufficient to use
    it.
    """

    def __init__(
        self, settings: Network, heads: dict[str, int], encoder_weights: Path | None = None
    ) -> None:
        """Build the network; random weights come from torch's global generator.

        Args:
            settings: which encoder and decoder.
            heads: the channels of the head of every task, by its name. One that is no task, such as
                colours, can be read by `scores` alone.
            encoder_weights: a .safetensors file for the encoder (three input channels).

        Raises:
            FewmaskError: the file is not this encoder's.
        """
        first, *further = heads
        model = build(settings, heads[first])
        super().__init__(settings, model.encoder, encoder_weights)
        self.first = first
        self.decoder = model.decoder
        self.segmentation_head = model.segmentation_head
        self.classification_head = None
        self.tasks = nn.ModuleDict({name: _pair(settings, heads[name]) for name in further})

    def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """Predictions for every pixel.

        Args:
            image: float (N, C, H, W) in [0, 1].
            inside: float (N, 1, H, W), 1 inside the image and 0 in its padding.

        Returns:
            What `Task.output` returns, for all tasks; with a classification head also
            ``classification``: float (N, number of categories), logits.
        """
        features = self.features(image, inside)
        outputs = {}
        for name in (self.first, *self.tasks):
            outputs |= self.of_task(name, features)
        if self.classification_head is not None:
            outputs["classification"] = self.classification_head(features[-1])
        return outputs

    def scores(self, features: list[Tensor]) -> Tensor:
        """What the head of the first task returns, float (N, channels, H, W), such as the logits of
        classes; from the encoder's feature maps (see ``features``)."""
        return self.segmentation_head(self.decoder(features))

    def of_task(self, name: str, features: list[Tensor]) -> dict[str, Tensor]:
        """What `Task.output` returns for a task, from the encoder's feature maps."""
        if name == self.first:
            return load(name).output(self.scores(features))
        decoder, head = self.tasks[name]
        return load(name).output(head(decoder(features)))

    def add_classification_head(self, categories: int, dropout: float) -> None:
        """Add a head with which ``forward`` also predicts the category of an image (Li, 2.3)."""
        channels = self.encoder.out_channels[-1]
        self.classification_head = ClassificationHead(channels, categories, dropout=dropout)


def _pair(settings: Network, channels: int) -> nn.ModuleList:
    """A decoder and a head."""
    model = build(settings, channels)
    return nn.ModuleList([model.decoder, model.segmentation_head])
