"""Loads parts of a network from a file of weights."""

import sys
from collections.abc import Iterable
from pathlib import Path

from fewmask.core.errors import FewmaskError
from fewmask.networks.backbone import Backbone
from fewmask.networks.channels import fit_channels
from fewmask.networks.mean import of_network
from fewmask.networks.weights import load_weights, read_description


def transfer(network: Backbone, path: Path, parts: list[str], index: int = 0) -> None:
    """Load some parts of a network from a file of weights, each as a whole, and log which.

    From the weights of several networks it takes those of number ``index`` (see `of_network`). An
    encoder may have other input channels (see `fit_channels`). Raises FewmaskError if a
    part has other tensors in the file than in the network.
    """
    before = read_description(path).built
    weights = of_network(load_weights(path), index)
    in_file = dict.fromkeys(name.partition(".")[0] for name in weights if "." in name)
    loaded = []
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
                f"{path}: {lacking} has no {part}; leave {part} out of transfer\n"
                f"  in the file: {_listed(in_file)}"
            )
        given, changed = fit_channels(given, module.state_dict(), before, network.settings)
        try:
            module.load_state_dict(given)
        except RuntimeError as error:
            reasons = "; ".join(line.strip() for line in str(error).split("\n")[1:3])
            raise FewmaskError(
                f"{path}: its {part} does not fit the network: {reasons}\n"
                f"  mend: give both stages the same network, or leave {part} out of transfer"
            ) from None
        loaded.append(f"{part} ({len(given)} tensors)")
        loaded += [f"{part}.{name} fitted to the input channels" for name in changed]
    afresh = [name for name, child in network.named_children() if child.state_dict()]
    print(
        f"from {path}: loaded {', '.join(loaded)}; "
        f"left in the file: {_listed(part for part in in_file if part not in parts)}; "
        f"newly initialised: {_listed(part for part in afresh if part not in parts)}",
        file=sys.stderr,
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
