"""The network of every method: an encoder, a decoder and a head, from image to class scores."""

from pathlib import Path

from segmentation_models_pytorch.base import ClassificationHead
from torch import Tensor, nn
from torch.nn import functional

from fewmask.config.network import Network
from fewmask.networks.architectures.building import build
from fewmask.networks.backbone import Backbone
from fewmask.networks.normal_codes import NormalCodes


class Segmenter(Backbone):
    """An encoder-decoder network for segmentation.

    It takes images in [0, 1] and normalises them itself, so its weights are all one needs.
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
        self.normal_codes = None

    def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """Scores of every pixel.

        Args:
            image: float (N, 3, H, W) in [0, 1].
            inside: float (N, 1, H, W), 1 inside the image and 0 in its padding.

        Returns:
            ``segmentation``: float (N, K, H, W), logits; with a classification head also
            ``classification``: float (N, number of categories), logits; with further tasks also
            what `of_task` tells of them.
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

    def of_task(self, task: str, features: list[Tensor]) -> dict[str, Tensor]:
        """Depths or normals from the encoder's feature maps.

        Returns:
            ``depth``: float32 (N, H, W), metres; or ``normal``: float32 (N, 3, H, W), unit vectors,
            with normal codes also ``normal_logits``: float32 (N, number of codes, H, W).
        """
        decoder, head = self.tasks[task]
        maps = head(decoder(features)).float()
        if task == "depth":
            return {task: maps[:, 0]}
        if self.normal_codes is None:
            return {task: functional.normalize(maps, dim=1)}
        return {task: self.normal_codes(maps), "normal_logits": maps}

    def add_tasks(self, channels: dict[str, int]) -> None:
        """Let ``forward`` also tell depths or normals, by a decoder and a head each.

        Args:
            channels: of the heads, by task: 1 for ``depth``; for ``normal`` 3, which are its axes,
                or more, which are codes to choose from.
        """
        for task, count in channels.items():
            model = build(self.settings, count)
            self.tasks[task] = nn.ModuleList([model.decoder, model.segmentation_head])
        if channels.get("normal", 3) > 3:
            self.normal_codes = NormalCodes(channels["normal"])

    def add_classification_head(self, categories: int, dropout: float) -> None:
        """Let ``forward`` also tell the category of an image (Li, 2.3)."""
        channels = self.encoder.out_channels[-1]
        self.classification_head = ClassificationHead(channels, categories, dropout=dropout)
