"""Files of weights: safetensors, with a description that holds everything needed to use them."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole
from fewmask.networks.description import Description, parse
from fewmask.networks.image_classes import ImageClassifier, WithImageClasses
from fewmask.networks.mean import MeanOfNetworks, Predictor
from fewmask.networks.segmenter import Segmenter

Module = TypeVar("Module", bound=nn.Module)

KEY = "fewmask"
OF = ":"
"""Stands between the name of weights other than the selected ones and the names of tensors, which
have no colon."""
LAST_WEIGHTS = ("last", "last_ema")
"""The names of the weights after the last step, and of their EMA."""
SNAPSHOT = "snapshot_"
"""Begins the names of weights that were kept on the way, which are numbered."""
MEND = "  mend: delete it and run the workflow again, which retrains the stage"


def save_weights(
    path: Path,
    weights: dict[str, Tensor],
    description: dict[str, Any],
    others: Mapping[str, dict[str, Tensor]] | None = None,
) -> None:
    """Write the weights of a network.

    ``description`` (JSON) describes them, see `Description`. ``others``: more weights of the same
    network, by name. The file also holds a digest of all. The same training writes the same bytes.

    Raises FewmaskError if a value is not finite.
    """
    named = [(f"{kind}{OF}", one) for kind, one in (others or {}).items()]
    # Copies, for safetensors refuses tensors that share memory, as the last weights may with the
    # selected ones.
    tensors = {
        f"{prefix}{name}": tensor.cpu().clone(memory_format=torch.contiguous_format)
        for prefix, one in [("", weights), *named]
        for name, tensor in one.items()
    }
    if broken := _not_finite(tensors):
        raise FewmaskError(f"{path}: the trained weights are not finite: {broken}")
    text = json.dumps(description, sort_keys=True)
    # One entry, because safetensors writes several entries in any order.
    entry = json.dumps({"description": text, "digest": _digest(text, tensors)})
    with written_whole(path) as temporary:
        # Not save_file, which writes another temporary file that a kill would leave behind.
        temporary.write_bytes(save(tensors, {KEY: entry}))


def read_description(path: Path) -> Description:
    """The description of the weights in a file; the tensors are not read.

    Raises FewmaskError for other files, and for a description that is not valid.
    """
    with _opened(path) as file:
        return _parse(path, _entry(path, file)[0])


def load_weights(path: Path) -> dict[str, Tensor]:
    """The selected weights in a file, on the CPU.

    Raises FewmaskError for other files, for damaged files, and for values that are not finite.
    """
    return {name: tensor for name, tensor in _tensors(path).items() if OF not in name}


def load_other_weights(path: Path) -> dict[str, dict[str, Tensor]]:
    """The other weights in a file, by name, without what no prediction needs; on the CPU.

    Raises FewmaskError as `load_weights` does.
    """
    others: dict[str, dict[str, Tensor]] = {}
    for full, tensor in _tensors(path).items():
        kind, _, name = full.rpartition(OF)
        if kind:
            others.setdefault(kind, {})[name] = tensor
    return {kind: _predicting(weights) for kind, weights in others.items()}


def _predicting(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Those that predict: a classification head only helps in training."""
    return {
        name: tensor
        for name, tensor in weights.items()
        if not name.startswith("classification_head.")
    }


def _tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file by name, checked."""
    with _opened(path) as file:
        text, digest = _entry(path, file)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if _digest(text, tensors) != digest:
        raise FewmaskError(f"{path}: damaged: the content does not match its digest\n{MEND}")
    if broken := _not_finite(tensors):
        raise FewmaskError(f"{path}: the weights are not finite: {broken}\n{MEND}")
    return tensors


def load_segmenter(path: Path, device: torch.device) -> tuple[Predictor, Description]:
    """A trained network, or the mean of several, in evaluation mode, and its description.

    Raises FewmaskError for files that are not (or no longer) the weights of such a network.
    """
    description = read_description(path)
    objective = description.training.objective
    if not objective.predicts:
        raise FewmaskError(
            f"{path}: weights of {objective.name}, which predicts nothing of an image\n"
            f"  expected: weights of a stage that learnt a task"
        )
    network = network_of(path, lambda: _predictor(description), _predicting(load_weights(path)))
    return network.to(device, memory_format=torch.channels_last).eval(), description


def network_of(path: Path, build: Callable[[], Module], weights: dict[str, Tensor]) -> Module:
    """What ``build`` returns, with weights from the file ``path``.

    Raises FewmaskError if it cannot be built, or has other tensors.
    """
    try:
        network = build()
        network.load_state_dict(weights)
    except Exception as error:  # whatever the library raises for a network that is impossible
        reason = " ".join(str(error).split())[:200]
        raise FewmaskError(
            f"{path}: the tensors are not those of the network it describes: {reason}\n{MEND}"
        ) from None
    return network


def _predictor(description: Description) -> Predictor:
    """The network as its objective builds it."""
    objective, classes = description.training.objective, len(description.trained_on.classes)
    heads = objective.heads(classes)
    networks = [Segmenter(description.built, heads) for _ in range(objective.result_networks)]
    network = networks[0] if len(networks) == 1 else MeanOfNetworks(networks)
    if objective.shown_threshold is None:
        return network
    classifier = ImageClassifier(description.built, classes)
    return WithImageClasses(network, classifier, objective.shown_threshold)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise FewmaskError(f"{path}: cannot be read as weights: {error}") from None


def _entry(path: Path, file: Any) -> tuple[str, str]:
    """The text of the description, and the digest."""
    try:
        entry = json.loads((file.metadata() or {})[KEY])
        text, digest = entry["description"], entry["digest"]
    except (KeyError, ValueError, TypeError, RecursionError):
        text = digest = None
    if not isinstance(text, str) or not isinstance(digest, str):
        raise FewmaskError(
            f"{path}: these weights were not written by fewmask train, or by another version"
        )
    return text, digest


def _parse(path: Path, text: str) -> Description:
    try:
        return parse(text)
    except ValueError as error:
        raise FewmaskError(f"{path}: the description of the weights: {error}\n{MEND}") from None


def _digest(text: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _not_finite(tensors: dict[str, Tensor]) -> str:
    """The names of the first tensors with NaN or infinite values."""
    broken = (name for name, tensor in tensors.items() if not tensor.isfinite().all())
    return ", ".join(name for name, _ in zip(broken, range(3), strict=False))
