"""Weights in files: safetensors, with everything beside them that is needed to use them."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fewmask.config.dataset import Dataset
from fewmask.config.network import Network
from fewmask.config.objectives import Objective
from fewmask.data.readers import parse_settings
from fewmask.errors import FewmaskError
from fewmask.files import written_whole
from fewmask.networks.backbone import Backbone, fit_channels
from fewmask.networks.segmenter import Segmenter

Description = dict[str, Any]


def save_weights(path: Path, weights: dict[str, Tensor], description: Description) -> None:
    """Write a network's weights.

    ``description`` (JSON) says what they are: ``network``, ``dataset`` and ``training`` settings,
    ``seed`` and ``digests``. The same training writes the same bytes.
    """
    tensors = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    with written_whole(path) as temporary:
        # Not save_file: it writes to a further temporary file, which a kill would leave behind.
        temporary.write_bytes(save(tensors, {"fewmask": json.dumps(description, sort_keys=True)}))


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


def take_over(network: Backbone, path: Path, parts: list[str]) -> None:
    """Load some parts of a network from a file of weights, each as a whole, and say which.

    An encoder may gain or lose the padding channel (see `fit_channels`). Raises FewmaskError if a
    part has other tensors in the file than in the network.
    """
    weights = load_weights(path)
    in_file = dict.fromkeys(name.partition(".")[0] for name in weights)
    told = []
    for part in parts:
        prefix = f"{part}."
        given = {
            name.removeprefix(prefix): tensor
            for name, tensor in weights.items()
            if name.startswith(prefix)
        }
        module = getattr(network, part, None)
        if module is None or (module.state_dict() and not given):
            lacking = "the network" if module is None else "it"
            raise FewmaskError(
                f"{path}: {lacking} has no {part}; leave {part} out of take_over\n"
                f"  in the file: {_listed(in_file)}"
            )
        given, changed = fit_channels(given, module.state_dict())
        try:
            module.load_state_dict(given)
        except RuntimeError as error:
            reasons = "; ".join(line.strip() for line in str(error).split("\n")[1:3])
            raise FewmaskError(
                f"{path}: its {part} does not fit the network: {reasons}\n"
                f"  mend: give both stages the same network, or leave {part} out of take_over"
            ) from None
        told.append(f"{part} ({len(given)} tensors)")
        told += [f"{part}.{name} fitted to the padding channel" for name in changed]
    afresh = [name for name, child in network.named_children() if child.state_dict()]
    print(
        f"from {path}: loaded {', '.join(told)}; "
        f"left in the file: {_listed(part for part in in_file if part not in parts)}; "
        f"newly initialised: {_listed(part for part in afresh if part not in parts)}",
        file=sys.stderr,
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


def learnt(description: Description) -> Objective:
    """The settings of the objective that the weights were trained with."""
    return TypeAdapter(Objective).validate_python(description["training"]["objective"])


def load_segmenter(path: Path, device: torch.device) -> tuple[Segmenter, Dataset, Description]:
    """A trained network in evaluation mode, the dataset it was trained on, and its description."""
    description = read_description(path)
    objective = learnt(description)
    if not objective.predicts:
        raise FewmaskError(
            f"{path}: weights of {objective.name}, which predicts nothing of a picture\n"
            f"  expected: weights of a stage that learnt masks"
        )
    _, dataset = parse_settings(json.dumps(description["dataset"]))
    network = Segmenter(Network.model_validate(description["network"]), len(dataset.classes))
    network.add_tasks(objective.heads)
    # A classification head only helps to train: segmentation has no need of it.
    needed = {
        name: tensor
        for name, tensor in load_weights(path).items()
        if not name.startswith("classification_head.")
    }
    network.load_state_dict(needed)
    return network.to(device, memory_format=torch.channels_last).eval(), dataset, description
