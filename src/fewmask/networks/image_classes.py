"""Networks that tell which classes an image shows, and segmenters that predict no others."""

from pathlib import Path

import torch
from torch import Tensor, nn

from fewmask.config.network import Network
from fewmask.networks.backbone import Backbone

SEGMENTER = "segmenter"
"""The name of the segmenter in weights of `WithImageClasses`."""


class ImageClassifier(Backbone):
    """An encoder, and a linear layer on the means of what is positive in its last feature maps.

    Some encoders, such as EfficientNet, end with a batch-norm: the means of their maps are 0 over a
    batch, so a class that all images show would be learnt by nothing but the layer's bias. Maps of
    a ResNet have no negative values anyway.
    """

    def __init__(
        self, settings: Network, classes: int, encoder_weights: Path | None = None
    ) -> None:
        """``settings``: name the encoder; ``encoder_weights`` as of `Backbone`."""
        super().__init__(settings, encoder_weights=encoder_weights)
        self.head = nn.Linear(self.encoder.out_channels[-1], classes)

    def forward(self, image: Tensor, inside: Tensor) -> Tensor:
        """Whether images show the classes: logits, float (N, K). Arguments as of `Segmenter`."""
        return self.head(self.features(image, inside)[-1].relu().mean((2, 3)))


class WithImageClasses(nn.Module):
    """A segmenter that predicts only classes that, as a classifier finds, its image shows.

    The scores of all others are 1 less than the lowest of the pixel, so that none of them is the
    likeliest and all losses are finite. Where the classifier finds no class, all remain.
    """

    def __init__(self, segmenter: nn.Module, classifier: ImageClassifier, threshold: float) -> None:
        """``threshold``: the probability that a class must reach to be predicted."""
        super().__init__()
        self.segmenter, self.classifier, self.threshold = segmenter, classifier, threshold

    def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """As `Segmenter.forward`."""
        outputs = self.segmenter(image, inside)
        logits = outputs["segmentation"]
        is_shown = self.classifier(image, inside).float().sigmoid() >= self.threshold
        is_shown |= ~is_shown.any(1, keepdim=True)
        lower = logits.amin(1, keepdim=True) - 1
        return outputs | {"segmentation": torch.where(is_shown[..., None, None], logits, lower)}
