"""Losses of the classifier of images, which learns from a mean teacher (Mittal et al. 2019)."""

from torch import Tensor
from torch.nn import functional

from fewmask.objectives.adversarial.base import mask_maps
from fewmask.objectives.losses import mean


def shown_error(logits: Tensor, mask: Tensor, counted: Tensor) -> Tensor:
    """The mean binary cross-entropy over all classes of whether an image shows them.

    ``logits`` float (N, K); ``mask`` int64 (N, H, W), of which the images that are ``counted``,
    bool (N), have known pixels; 0 if there are none.
    """
    shown = mask_maps(mask, logits.shape[1]).flatten(2).amax(2)
    error = functional.binary_cross_entropy_with_logits(logits.float(), shown, reduction="none")
    return mean((error.mean(1) * counted).sum(), counted.sum())


def disagreement(logits: Tensor, of_teacher: Tensor, counted: Tensor) -> Tensor:
    """The mean, over the images that are ``counted``, bool (N), of one minus the cosine of two
    classifiers' logits, float (N, K); 0 if there are none."""
    cosine = functional.cosine_similarity(logits.float(), of_teacher.float())
    return mean(((1 - cosine) * counted).sum(), counted.sum())


def consistency_weight(progress: float, burn_in: float, ramp_up: float) -> float:
    """How much the teacher counts after a share ``progress`` of the training: 0 during ``burn_in``,
    then more and more, until it is 1 after ``ramp_up``."""
    return min(1.0, max(0.0, progress - burn_in) / ramp_up)
