"""The files that a training reads."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewmask.core.files import file_digest
from fewmask.data.scaling import Scaling, scaling_of
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store


@dataclass(frozen=True)
class Inputs:
    """The files that a training reads."""

    dataset: Path
    split: Path
    start_from: Path | None = None
    encoder: Path | None = None
    pseudo_masks: Path | None = None

    def digests(self, store: Store) -> dict[str, str]:
        """What the files hold, by name, and ``tested``: who is tested on.

        Raises FewmaskError if the split is not one of the store's.
        """
        tested = split_files.digest_of_tested(split_files.read(self.split, store.names))
        files = {name: path for name, path in vars(self).items() if name != "dataset"}
        of_files = {name: file_digest(path) for name, path in files.items() if path is not None}
        return {"dataset": store.digest, "tested": tested, **of_files}

    def scaling(self, store: Store) -> Scaling | None:
        """How the values of images are scaled, by all images that may be trained on; None: as
        colours in 8 bits. So that it is one for all methods, unlabelled images count, too."""
        roles = split_files.read(self.split, store.names)
        return scaling_of(store, np.concatenate([roles["labelled"], roles["unlabelled"]]))
