"""The encoder of every network, with the normalisation of its images."""

from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from fewmask.config.network import Network
from fewmask.core.errors import FewmaskError
from fewmask.networks.frozen import freeze_parts
from fewmask.networks.normalisation import normalisation

Weights = dict[str, Tensor]


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
            encoder_weights: a .safetensors file for the encoder, with three input channels.

        Raises:
            FewmaskError: the file does not belong to this encoder.
        """
        super().__init__()
        self.settings = settings
        self.encoder = encoder or smp.encoders.get_encoder(
            settings.encoder,
            in_channels=settings.in_channels,
            weights=None,
            **encoder_depth(settings, "depth"),
        )
        if encoder_weights is not None:
            load_encoder(self.encoder, encoder_weights, settings.encoder)
        freeze_parts(self.encoder, settings.frozen)
        for name, values in zip(("mean", "std"), normalisation(settings.encoder), strict=True):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1))

    def features(self, image: Tensor, inside: Tensor) -> list[Tensor]:
        """The feature maps of the encoder, float (N, C, h, w) each, the smallest last.

        Args:
            image: float (N, 3, H, W) in [0, 1].
            inside: float (N, 1, H, W), 1 inside the image and 0 in its padding.
        """
        image = (image - self.mean) / self.std
        if self.settings.padding_channel:
            image = torch.cat([image, inside], dim=1)
        return self.encoder(image.contiguous(memory_format=torch.channels_last))


def encoder_depth(settings: Network, key: str = "encoder_depth") -> dict[str, int]:
    """The option ``key``: how often the encoder halves, if this is not the library's default."""
    return {key: len(settings.decoder_channels)} if settings.decoder_channels else {}


def load_encoder(encoder: nn.Module, path: Path, name: str) -> None:
    """Load all weights of a file into an encoder; the file must hold nothing else."""
    try:
        encoder.load_state_dict(fit_channels(load_file(path), encoder.state_dict())[0])
    except (OSError, SafetensorError) as error:
        raise FewmaskError(f"{path}: cannot be read as encoder weights: {error}") from None
    except RuntimeError as error:
        reasons = "; ".join(str(error).split("\n")[1:3]).strip()
        raise FewmaskError(f"{path}: not the weights of {name}: {reasons}") from None


def fit_channels(given: Weights, wanted: Weights) -> tuple[Weights, list[str]]:
    """Convert weights for images with three channels to weights with a padding channel, or back.

    A new padding channel starts at zero, so that the output stays the same; one that is no longer
    there is cut off.

    Returns:
        The weights, and the names of those that were changed. Tensors that do not fit for other
        reasons are left unchanged.
    """
    fitted, changed = dict(given), []
    for name in given.keys() & wanted.keys():
        tensor, shape = given[name], wanted[name].shape
        of_kernel = [(*size[:1], *size[2:]) for size in (tensor.shape, shape)]
        channels = {size[1] for size in (tensor.shape, shape) if len(size) == 4}
        if channels == {3, 4} and of_kernel[0] == of_kernel[1]:
            padding = tensor.new_zeros(shape)[:, 3:]
            fitted[name] = torch.cat([tensor[:, :3], padding], dim=1)
            changed.append(name)
    return fitted, changed
