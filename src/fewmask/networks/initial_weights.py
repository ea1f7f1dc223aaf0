"""Loads the initial weights of an encoder from a file."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from fewmask.config.encoders import of_timm
from fewmask.config.network import Network
from fewmask.core.errors import FewmaskError
from fewmask.networks.channels import fit_channels
from fewmask.networks.encoder import Weights, build_encoder


def load_encoder(encoder: nn.Module, path: Path, settings: Network) -> None:
    """Load all weights of a file into an encoder; the file must hold nothing else.

    The tensors are named as in the encoder, or for an encoder of timm as in the files that timm
    publishes, which hold a classifier as well. Raises FewmaskError for another file.
    """
    try:
        given, own = load_file(path), encoder.state_dict()
        published = settings.for_images(3).model_copy(update={"padding_channel": False})
        if of_timm(settings.encoder) and given.keys() != own.keys():
            given = _published(given, published)
            given = {name: given[name] for name in own}  # it may have fewer stages
        encoder.load_state_dict(fit_channels(given, own, published, settings)[0])
    except (OSError, SafetensorError) as error:
        raise FewmaskError(f"{path}: cannot be read as encoder weights: {error}") from None
    except RuntimeError as error:
        reasons = "; ".join(str(error).split("\n")[1:3]).strip() or str(error)
        raise FewmaskError(f"{path}: not the weights of {settings.encoder}: {reasons}") from None


def _published(given: Weights, settings: Network) -> Weights:
    """The tensors of a file of timm with the names and shapes of the whole encoder."""
    try:
        return build_encoder(settings, given).state_dict()
    except Exception as error:  # timm converts many formats, and raises whatever others lead to
        raise RuntimeError(str(error)) from None
