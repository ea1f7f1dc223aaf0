"""Losses on the test images, pooled over their pixels: metrics to report, not to train with.

Over the labelled pixels of all images, with p_k the probability (softmax) of class k at a pixel,
t_k whether it is the true one, and p the probability of the true one:

    cross_entropy     mean of -log p
    focal_loss        mean of -(1 - p)^2 log p  (Lin et al., 2017: gamma 2, no class weights)
    dice_loss         1 - 2 sum(p_k t_k) / (sum(p_k) + sum(t_k)), the mean over the classes

With two classes, cross_entropy is the binary cross-entropy of the difference of their scores. The
Dice loss of a class that no labelled pixel has would be 1 whatever the network says: it is NaN, and
the mean is over the others. Without a labelled pixel everything is NaN.

Importing this module does not import torch, for planning and reports have no need of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fewmask import IGNORE
from fewmask.metrics.table import Metric, register

if TYPE_CHECKING:
    from torch import Tensor

register(
    Metric("loss", "Loss", "", False, ("validation",), task=""),
    Metric("cross_entropy", "Cross-entropy", "", False, ("test",)),
    Metric("focal_loss", "Focal loss", "", False, ("test",)),
    Metric("dice_loss", "Dice loss", "", False, ("test",), of_classes=True),
)

FOCUS = 2
"""Lin et al.'s gamma: how much less the pixels count that are right already."""


class PooledLosses:
    """Sums over pixels, in float64, that batches of any size can be added to."""

    def __init__(self) -> None:
        self._of_pixels: Tensor | int = 0
        self._of_classes: Tensor | int = 0

    def add(self, logits: Tensor, mask: Tensor) -> None:
        """Count a batch: class scores float (N, K, H, W), masks int64 (N, H, W) with `IGNORE`."""
        import torch
        from torch.nn import functional

        log_shares = functional.log_softmax(logits.float(), dim=1)
        surprise = functional.nll_loss(log_shares, mask, ignore_index=IGNORE, reduction="none")
        right = torch.exp(-surprise)
        focal = (1 - right) ** FOCUS * surprise
        labelled = mask != IGNORE  # elsewhere both losses are 0
        self._of_pixels += torch.stack([_sum(surprise), _sum(focal), _sum(labelled)])
        shares = log_shares.exp_().mul_(labelled[:, None])  # in place, for memory
        sums = []
        for k in range(logits.shape[1]):
            truth = mask == k
            sums.append(torch.stack([_sum(right * truth), _sum(shares[:, k]), _sum(truth)]))
        self._of_classes += torch.stack(sums)

    def scores(self) -> dict[str, float]:
        """The losses of all that was added, by name."""
        surprise, focal, pixels = self._of_pixels.tolist()
        of_classes = self.class_scores()
        known = of_classes[~np.isnan(of_classes)]
        return {
            "cross_entropy": surprise / pixels if pixels else np.nan,
            "focal_loss": focal / pixels if pixels else np.nan,
            "dice_loss": float(known.mean()) if len(known) else np.nan,
        }

    def class_scores(self) -> np.ndarray:
        """The Dice loss of every class, float (K,), NaN where no labelled pixel has the class."""
        overlap, share, truth = self._of_classes.cpu().numpy().T
        # Shares can underflow to 0, truths are whole: where there is no truth, any divisor does.
        return np.where(truth > 0, 1 - 2 * overlap / (share + np.maximum(truth, 1)), np.nan)


def _sum(values: Tensor) -> Tensor:
    import torch

    return values.sum(dtype=torch.float64)
