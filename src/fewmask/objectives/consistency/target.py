"""What a teacher makes of unlabelled images, and the losses of a student against it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fewmask.objectives.consistency.options import Confidence
from fewmask.objectives.losses import mean


@dataclass(frozen=True)
class Target:
    """The classes that a student is to predict, with how sure its teacher is of each."""

    classes: Tensor
    """int64 (N, H, W), all of them classes."""
    confidence: Tensor
    """float32 (N, H, W) in [0, 1]: the probability of the class."""
    valid: Tensor
    """bool (N, H, W): inside the images; padding counts nowhere."""

    @classmethod
    def of(cls, logits: Tensor, inside: Tensor) -> "Target":
        """The likeliest classes of logits, float32 (N, K, H, W), of images that are ``inside``,
        float (N, 1, H, W)."""
        confidence, classes = logits.softmax(1).max(1)
        return cls(classes, confidence, inside[:, 0] == 1)

    def moved(self, move: Callable[[Tensor], Tensor]) -> "Target":
        """The same of images whose pixels are moved, say pasted."""
        return Target(*(move(one) for one in (self.classes, self.confidence, self.valid)))


@dataclass(frozen=True)
class SoftTarget:
    """The probabilities that a student is to predict."""

    probabilities: Tensor
    """float32 (N, K, H, W)."""
    confidence: Tensor
    """float32 (N, H, W) in [0, 1]: the largest of them."""
    valid: Tensor
    """bool (N, H, W), as in `Target`."""

    @classmethod
    def of(cls, logits: Tensor, inside: Tensor) -> "SoftTarget":
        """The probabilities of logits, as `Target.of`."""
        probabilities = logits.softmax(1)
        return cls(probabilities, probabilities.amax(1), inside[:, 0] == 1)

    def moved(self, move: Callable[[Tensor], Tensor]) -> "SoftTarget":
        """As `Target.moved`."""
        return SoftTarget(*(move(one) for one in (self.probabilities, self.confidence, self.valid)))


def weights(confidence: Tensor, valid: Tensor, options: Confidence) -> Tensor:
    """How much every pixel counts, float32 (N, H, W) in [0, 1]; 0 outside the images."""
    reached = (confidence >= options.threshold) & valid
    if options.rule == "pixel":
        return reached.float()
    return valid * mean(reached.sum(), valid.sum())


def weighted_mean(error: Tensor, weight: Tensor, valid: Tensor, denominator: str) -> Tensor:
    """The sum of ``error`` times ``weight``, over the ``denominator`` (see `Confidence`); a scalar.

    0 where nothing counts, not NaN. ``error`` and ``weight`` float32, ``valid`` bool, (N, H, W).
    """
    counts = {"all": torch.ones_like, "valid": lambda _: valid, "kept": lambda one: one > 0}
    return mean((error * weight).sum(), counts[denominator](weight).sum())


def target_cross_entropy(logits: Tensor, target: Target, options: Confidence) -> Tensor:
    """The cross-entropy of the student's ``logits``, float (N, K, H, W), against the classes of a
    target, over the pixels that count."""
    error = functional.cross_entropy(logits.float(), target.classes, reduction="none")
    weight = weights(target.confidence, target.valid, options)
    return weighted_mean(error, weight, target.valid, options.denominator)


def target_squared_error(logits: Tensor, target: SoftTarget, options: Confidence) -> Tensor:
    """The squared error of the student's probabilities against those of a target, summed over the
    classes, over the pixels that count."""
    error = (logits.float().softmax(1) - target.probabilities).square().sum(1)
    weight = weights(target.confidence, target.valid, options)
    return weighted_mean(error, weight, target.valid, options.denominator)
