"""Weights in files: safetensors, with everything beside them that is needed to use them."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fewmask.config.dataset import Dataset
from fewmask.config.method import Network
from fewmask.data.readers import parse_settings
from fewmask.errors import FewmaskError
from fewmask.files import written_whole
from fewmask.networks.segmenter import Segmenter

Description = dict[str, Any]


def save_weights(path: Path, weights: dict[str, Tensor], description: Description) -> None:
    """Write a network's weights.

    ``description`` (JSON) says what they are: ``network``, ``dataset`` and ``training`` settings,
    ``seed`` and ``digests``. The same training writes the same bytes.
    """
    tensors = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    with written_whole(path) as temporary:
        save_file(tensors, temporary, {"fewmask": json.dumps(description, sort_keys=True)})


def read_description(path: Path) -> Description:
    """What the weights in a file are. Raises FewmaskError for other files."""
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get("fewmask")
    except (OSError, SafetensorError) as error:
        raise FewmaskError(f"{path}: cannot be read as weights: {error}") from None
    if text is None:
        raise FewmaskError(f"{path}: these weights were not written by fewmask train")
    return json.loads(text)


def load_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def load_segmenter(path: Path, device: torch.device) -> tuple[Segmenter, Dataset, Description]:
    """A trained network in evaluation mode, the dataset it was trained on, and its description."""
    description = read_description(path)
    _, dataset = parse_settings(json.dumps(description["dataset"]))
    network = Segmenter(Network.model_validate(description["network"]), len(dataset.classes))
    network.load_state_dict(load_weights(path))
    return network.to(device, memory_format=torch.channels_last).eval(), dataset, description
