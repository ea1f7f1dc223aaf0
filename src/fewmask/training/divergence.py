"""Trainings that diverge: in a search they end with a record that says so, else with an error."""

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from fewmask.core.errors import FewmaskError
from fewmask.core.paths import TRAINING
from fewmask.metrics.records import read_training


class DivergedError(FewmaskError):
    """A loss, or a value on validation images, is not finite."""

    def __init__(self, reason: str, details: str) -> None:
        """``reason`` is what rankings and tables say; the message goes on with ``details``."""
        super().__init__(f"{reason}{details}")
        self.reason = reason


def loss_not_finite(
    step: int, losses: dict[str, float], before: dict[str, float], rate: float, precision: str
) -> DivergedError:
    """The error of a loss that is not finite at a step, with the losses at the step before, if they
    are known, and the learning rate."""

    def written(values: dict[str, float]) -> str:
        return ", ".join(f"{name} {value:.6g}" for name, value in values.items())

    last_finite = f"step {step - 1}: {written(before)}" if before else "none"
    return DivergedError(
        f"the loss is not finite at step {step}",
        f": {written(losses)}\n"
        f"  last finite: {last_finite}\n"
        f"  learning rate: {rate:.3g}, precision: {precision}\n"
        f"  try a lower learning rate, a longer warm-up, clip_gradient_norm, or fp32",
    )


def divergence_before(files: Iterable[Path | None]) -> str | None:
    """Why a trial cannot be trained any further: the training of one of the stages, or of the
    shorter trial, that it goes on from has diverged.

    Args:
        files: what a training reads of others, each in the folder of its stage.

    Returns:
        The reason; None: none of them has diverged.

    Raises:
        FewmaskError: the record of one of them is damaged.
    """
    for path in files:
        record = path and path.with_name(TRAINING)
        if record and record.is_file() and (reason := read_training(record).diverged):
            return reason
    return None


def made_finite(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights with 0 in place of what is not finite: files of weights hold finite numbers."""
    return {name: tensor.nan_to_num(0, 0, 0) for name, tensor in weights.items()}
