"""The network of every method: an encoder, a decoder and a head, from picture to class scores."""

from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from segmentation_models_pytorch.base import ClassificationHead
from torch import Tensor, nn

from fewmask.config.network import Network
from fewmask.errors import FewmaskError

# Of ImageNet, which all encoder weights of segmentation_models_pytorch were trained with.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Segmenter(nn.Module):
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
        super().__init__()
        self.settings = settings
        # Three channels first: ImageNet weights have three, and grow a fourth below.
        model = _create(settings, classes)
        if encoder_weights is not None:
            load_encoder(model.encoder, encoder_weights, settings.encoder)
        if settings.padding_channel:
            model.encoder.set_in_channels(4, pretrained=encoder_weights is not None)
        self.encoder = model.encoder
        self.decoder = model.decoder
        self.segmentation_head = model.segmentation_head
        self.classification_head = None
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """Scores of every pixel.

        Args:
            image: float (N, 3, H, W) in [0, 1].
            inside: float (N, 1, H, W), 1 inside the picture and 0 in its padding.

        Returns:
            ``segmentation``: float (N, K, H, W), logits; with a classification head also
            ``classification``: float (N, number of categories), logits.
        """
        image = (image - self.mean) / self.std
        if self.settings.padding_channel:
            image = torch.cat([image, inside], dim=1)
        image = image.contiguous(memory_format=torch.channels_last)
        features = self.encoder(image)
        outputs = {"segmentation": self.segmentation_head(self.decoder(features))}
        if self.classification_head is not None:
            outputs["classification"] = self.classification_head(features[-1])
        return outputs

    def add_classification_head(self, categories: int, dropout: float) -> None:
        """Let ``forward`` also tell the category of a picture (paper 000, 2.3)."""
        channels = self.encoder.out_channels[-1]
        self.classification_head = ClassificationHead(channels, categories, dropout=dropout)

    def check_size(self, height: int, width: int) -> None:
        """Raise FewmaskError for a size that the encoder cannot halve as often as it must."""
        stride = self.encoder.output_stride
        if height % stride or width % stride:
            fits = [max(stride, round(length / stride) * stride) for length in (height, width)]
            raise FewmaskError(
                f"pictures of {height} x {width} do not fit the network: "
                f"{self.settings.architecture} with {self.settings.encoder} needs multiples of "
                f"{stride}; set the dataset's size (or the crop) to [{fits[0]}, {fits[1]}]"
            )


def load_encoder(encoder: nn.Module, path: Path, name: str) -> None:
    """Load a file of encoder weights, all of them and nothing else."""
    try:
        encoder.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise FewmaskError(f"{path}: cannot be read as encoder weights: {error}") from None
    except RuntimeError as error:
        reasons = "; ".join(str(error).split("\n")[1:3]).strip()
        raise FewmaskError(f"{path}: not the weights of {name}: {reasons}") from None


def _create(settings: Network, classes: int) -> nn.Module:
    options = {}
    if settings.decoder_channels:
        options["decoder_channels"] = settings.decoder_channels
        options["encoder_depth"] = len(settings.decoder_channels)
    try:
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
