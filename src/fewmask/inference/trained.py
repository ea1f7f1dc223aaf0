"""A trained network, set up to predict as it was trained."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fewmask.core.errors import FewmaskError
from fewmask.core.files import file_digest
from fewmask.data.scaling import Scaling
from fewmask.data.splits.file import digest_of_tested
from fewmask.data.store.store import Store
from fewmask.networks.description import Description
from fewmask.networks.mean import Predictor
from fewmask.networks.weights import load_segmenter
from fewmask.training.runtime import Runtime, start


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode on its device."""

    weights: Path
    """The file from which it was loaded."""
    network: Predictor
    description: Description
    """Its description in the file: settings, seed, digests."""
    runtime: Runtime

    @classmethod
    def load(cls, weights: Path, threads: int, deterministic: bool = False) -> "Trained":
        """Set up torch as in the training, and load the network that ``weights`` holds.

        ``deterministic``: use deterministic GPU kernels even if the training did not.

        Raises FewmaskError if these are not the weights of a network that predicts a task.
        """
        network, description = load_segmenter(weights, torch.device("cpu"))
        training = description.training
        deterministic = deterministic or training.deterministic
        runtime = start(training.precision, threads, deterministic)
        return cls(weights, network.to(runtime.device), description, runtime)

    @property
    def predicts(self) -> tuple[str, ...]:
        """The tasks that the network has learnt."""
        return self.description.training.objective.predicts

    @property
    def scaling(self) -> Scaling | None:
        """Of the values of images, as in the training."""
        return self.description.scaling

    def with_weights(self, weights: dict[str, Tensor]) -> "Trained":
        """The same network with other weights of its kind (see `load_other_weights`)."""
        network = copy.deepcopy(self.network)
        network.load_state_dict(weights)
        return replace(self, network=network)

    def check(self, store: Store, split: Path, roles: dict[str, np.ndarray]) -> None:
        """Raise FewmaskError if the network was trained on data other than those of the store, or
        with a split other than the file ``split``, to which ``roles`` belong."""
        check_trained_on(self.weights, self.description, store, split, roles)


def check_trained_on(
    weights: Path,
    description: Description,
    store: Store,
    split: Path,
    roles: dict[str, np.ndarray],
) -> None:
    """Raise FewmaskError if weights were trained on data other than those of the store, or with a
    split other than the file ``split``, to which ``roles`` belong.

    A training that sees all masks, or none, is the same for all fractions, although each fraction
    has a split of its own: only the test images are compared then.
    """
    store.check_name()
    of_training = description.digests
    if of_training.dataset != store.digest:
        raise FewmaskError(f"{weights}: trained on other data than {store.path} holds")
    is_other = of_training.tested != digest_of_tested(roles)
    if description.training.depends_on_fraction:
        is_other |= of_training.split != file_digest(split)
    if is_other:
        raise FewmaskError(
            f"{weights}: trained with another split than {split}\n"
            f"  found: weights of seed {description.seed}, which were trained with other "
            f"images labelled or tested on\n"
            f"  mend: name the weights of this fraction and seed; if the split was changed or "
            f"drawn anew, run the workflow again, which retrains what depends on it"
        )
