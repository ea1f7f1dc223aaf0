"""What tables are handed of an experiment, as JSON."""

import hashlib
import json
from itertools import product
from typing import Any

from fewmask.config.experiment import Experiment


class Asked(Experiment):
    """An experiment, and what the weights of its runs must have been trained with."""

    trainings: list[str] | None = None
    """The fingerprint of the last stage of every cell, in the order of ``cells``; absent: whatever
    was trained counts."""

    def cells(self) -> list[tuple[str, str, str]]:
        """Dataset, method and fraction of every cell, dataset by dataset."""
        return list(product(self.datasets, self.methods, self.fractions))


def fingerprint(training: dict[str, Any]) -> str:
    """Eight digits that stand for a stage's settings, as ``Stage.shaping`` has them."""
    text = json.dumps(training, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
