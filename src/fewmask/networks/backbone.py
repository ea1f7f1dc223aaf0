"""The encoder of every network, with the normalisation of its images."""

from pathlib import Path

import torch
from torch import Tensor, nn

from fewmask.config.network import Network
from fewmask.networks.encoder import build_encoder
from fewmask.networks.frozen import freeze_parts
from fewmask.networks.initial_weights import load_encoder
from fewmask.networks.normalisation import normalisation


class Backbone(nn.Module):
    """An encoder that takes images in [0, 1] and normalises them itself, as it was trained with.

    By itself it is the network of objectives that learn no masks; with a decoder and a head it is a
    `Segmenter`.
    """

    def __init__(
        self,
        settings: Network,
        encoder: nn.Module | None = None,
        encoder_weights: Path | None = None,
    ) -> None:
        """Random weights come from torch's global generator.

        Args:
            settings: name the encoder.
            encoder: an encoder that is part of a larger network; absent: the one that ``settings``
                name.
            encoder_weights: a .safetensors file for the encoder, with three input channels; those
                of other images are adapted (see `fit_channels`).

        Raises:
            FewmaskError: the file does not belong to this encoder.
        """
        super().__init__()
        self.settings = settings
        self.encoder = encoder or build_encoder(settings, depth=settings.architecture.depth)
        if encoder_weights is not None:
            load_encoder(self.encoder, encoder_weights, settings)
        freeze_parts(self.encoder, settings.frozen)
        for name, values in zip(("mean", "std"), normalisation(settings), strict=True):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1))

    def features(self, image: Tensor, inside: Tensor) -> list[Tensor]:
        """The feature maps of the encoder, float (N, C, h, w) each, the smallest last.

        Args:
            image: float (N, C, H, W) in [0, 1].
            inside: float (N, 1, H, W), 1 inside the image and 0 in its padding.
        """
        image = (image - self.mean) / self.std
        if self.settings.padding_channel:
            image = torch.cat([image, inside], dim=1)
        return self.encoder(image.contiguous(memory_format=torch.channels_last))
