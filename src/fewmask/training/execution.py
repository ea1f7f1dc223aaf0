"""How a training is executed."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Execution:
    """How a training is executed, which changes its weights by rounding at most."""

    checkpoint_minutes: float = 5
    """Minutes between two checkpoints."""
    threads: int = 1
    """Of every process."""
    processes: int = 1
    """How many processes train together (see `fewmask.core.parallel`)."""
    goes_on_from: Path | None = None
    """A checkpoint of a shorter training with the same settings (`TrainingSettings.until`), to
    begin with; if it is gone, the training begins at its first step."""
    is_trial: bool = False
    """Whether it is a trial of a search: if it diverges, it ends with a record that says so."""
    tensorboard: Path | None = None
    """The folder to write training curves to."""


DEFAULT = Execution()
