"""A trained network, set up to predict where and how it was trained."""

from dataclasses import dataclass
from pathlib import Path

import torch

from fewmask.data.store import Store
from fewmask.errors import FewmaskError
from fewmask.networks.segmenter import Segmenter
from fewmask.networks.weights import Description, learnt, load_segmenter
from fewmask.training.runtime import Runtime, start


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode on its device."""

    weights: Path
    """The file that it is from."""
    network: Segmenter
    description: Description
    """What the file says of it: settings, seed, digests."""
    runtime: Runtime

    @classmethod
    def load(cls, weights: Path, threads: int, deterministic: bool = False) -> "Trained":
        """Set torch up as in the training, and load the network that ``weights`` holds.

        ``deterministic``: ask the GPU for the same bits every time even if the training did not.

        Raises FewmaskError if they are not the weights of a network that predicts classes.
        """
        network, _, description = load_segmenter(weights, torch.device("cpu"))
        training = description["training"]
        deterministic = deterministic or training["deterministic"]
        runtime = start(training["precision"], threads, deterministic)
        return cls(weights, network.to(runtime.device), description, runtime)

    @property
    def predicts(self) -> tuple[str, ...]:
        """The tasks that it has learnt."""
        return learnt(self.description).predicts

    def check(self, store: Store) -> None:
        """Raise FewmaskError if the network was trained on other data than the store holds."""
        store.check_name()
        if self.description["digests"]["dataset"] != store.digest:
            raise FewmaskError(f"{self.weights}: trained on other data than {store.path} holds")
