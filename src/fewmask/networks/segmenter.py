"""The network of every method: an encoder, a decoder and a head, from picture to class scores."""

from pathlib import Path

import segmentation_models_pytorch as smp
from segmentation_models_pytorch.base import ClassificationHead
from torch import Tensor, nn
from torch.nn import functional

from fewmask.config.network import Network
from fewmask.errors import FewmaskError
from fewmask.networks.backbone import Backbone, encoder_depth
from fewmask.networks.deeplabv2 import DeepLabV2
from fewmask.networks.segnet import SegNet

CHANNELS_OF_TASK = {"depth": 1, "normal": 3}


class Segmenter(Backbone):
    """An encoder-decoder network for segmentation.

    It takes pictures in [0, 1] and normalises them itself, so its weights are all one needs.
    """

    def __init__(self, settings: Network, classes: int, encoder_weights: Path | None = None):
        """Build the network; random weights come from torch's global generator.

        Args:
            settings: which encoder and decoder.
            classes: number of classes, K.
            encoder_weights: a .safetensors file for the encoder (three input channels).

        Raises:
            FewmaskError: the encoder has no such decoder, or the file is not this encoder's.
        """
        model = _create(settings, classes)
        super().__init__(settings, model.encoder, encoder_weights)
        self.decoder = model.decoder
        self.segmentation_head = model.segmentation_head
        self.classification_head = None
        self.tasks = nn.ModuleDict()

    def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """Scores of every pixel.

        Args:
            image: float (N, 3, H, W) in [0, 1].
            inside: float (N, 1, H, W), 1 inside the picture and 0 in its padding.

        Returns:
            ``segmentation``: float (N, K, H, W), logits; with a classification head also
            ``classification``: float (N, number of categories), logits; with further tasks also
            ``depth``: float32 (N, H, W), metres; ``normal``: float32 (N, 3, H, W), unit vectors.
        """
        features = self.features(image, inside)
        outputs = {"segmentation": self.scores(features)}
        if self.classification_head is not None:
            outputs["classification"] = self.classification_head(features[-1])
        return outputs | {task: self.of_task(task, features) for task in self.tasks}

    def scores(self, features: list[Tensor]) -> Tensor:
        """Logits, float (N, K, H, W), from the encoder's feature maps (see ``features``)."""
        return self.segmentation_head(self.decoder(features))

    def of_task(self, task: str, features: list[Tensor]) -> Tensor:
        """Depths or normals (see ``forward``) from the encoder's feature maps."""
        decoder, head = self.tasks[task]
        maps = head(decoder(features)).float()
        return maps[:, 0] if task == "depth" else functional.normalize(maps, dim=1)

    def add_tasks(self, tasks: list[str]) -> None:
        """Let ``forward`` also tell depths or normals, by a decoder and a head each."""
        for task in tasks:
            model = _create(self.settings, CHANNELS_OF_TASK[task])
            self.tasks[task] = nn.ModuleList([model.decoder, model.segmentation_head])

    def add_classification_head(self, categories: int, dropout: float) -> None:
        """Let ``forward`` also tell the category of a picture (paper 000, 2.3)."""
        channels = self.encoder.out_channels[-1]
        self.classification_head = ClassificationHead(channels, categories, dropout=dropout)


def _create(settings: Network, classes: int) -> nn.Module:
    options = dict(encoder_depth(settings))
    if settings.decoder_channels:
        options["decoder_channels"] = settings.decoder_channels
    try:
        if settings.architecture == "deeplabv2":
            return DeepLabV2(settings, classes)
        if settings.architecture == "segnet":
            return SegNet(settings, classes)
        return smp.create_model(
            settings.architecture,
            settings.encoder,
            encoder_weights=None,
            in_channels=3,
            classes=classes,
            **options,
        )
    except (ValueError, KeyError, NotImplementedError) as error:
        raise FewmaskError(
            f"network: {settings.architecture} cannot be built on {settings.encoder}: {error}"
        ) from None
