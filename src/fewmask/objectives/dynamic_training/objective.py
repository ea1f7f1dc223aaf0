"""Dynamic self-training (Feng et al. 2020) and dynamic mutual training (Feng et al. 2022)."""

import torch
from torch import Tensor
from torch.nn import functional

from fewmask import IGNORE
from fewmask.data.batches import Batch, joined
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.dynamic_training.settings import DynamicTrainingSettings
from fewmask.objectives.losses import mean
from fewmask.objectives.objective import Objective

LEVELS = 255
"""The confidence of pseudo-masks is known in so many steps."""


class DynamicTraining(Objective):
    """``cross_entropy`` of labelled images against their masks, and of unlabelled ones against the
    pseudo-masks of an earlier stage, of which every pixel has a weight of its own.

    With y the class of a pixel in the pseudo-mask, c the confidence with which the earlier network
    predicted it, and p the probabilities that this one predicts, the weight, through which no
    gradient passes, is

    - p_y^gamma_1 where y is the likeliest class,
    - 0 where it is not, and max p > c (if ``skip_surer``),
    - p_y^gamma_2 elsewhere.

    Pixels of masks have the weight 1. The loss is the weighted sum over both, from one pass, over
    the number of all pixels that have a mask or a pseudo-mask. In DST, where nothing is skipped and
    there is one gamma, the network learns its own pseudo-masks; in DMT those of another one. This
    is done in rounds, each a stage that starts from the weights of the one before and learns a
    larger share of every class (`most_confident`).

    In the first code of the authors a pixel has the class whose probability is the largest in
    relation to the threshold of the class; in their later code, and here, the likeliest class.
    Their thresholds are those of every 16th pixel. They choose the weights of every round by the
    images that they test on.
    """

    def __init__(self, options: DynamicTrainingSettings, blueprint: Blueprint) -> None:
        super().__init__(blueprint.segmenter())
        self.options = options

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, unlabelled = both = batches["labelled"], batches["unlabelled"]
        image, inside = (joined(both, name) for name in ("image", "inside"))
        logits = self.predict(self.network, image, inside)["segmentation"].float()
        target = torch.cat([labelled.mask, unlabelled.pseudo_mask])
        error = functional.cross_entropy(logits, target, ignore_index=IGNORE, reduction="none")
        count = len(labelled.image)
        weight = torch.ones_like(error)
        weight[count:] = self._weight(logits[count:].detach(), unlabelled)
        return {"cross_entropy": mean((weight * error).sum(), (target != IGNORE).sum())}

    def _weight(self, logits: Tensor, batch: Batch) -> Tensor:
        """How much pixels of pseudo-masks count, float32 (N, H, W); any number where there is
        none. ``logits`` float32 (N, K, H, W)."""
        target = batch.pseudo_mask
        probabilities = logits.softmax(1)
        known = target.masked_fill(target == IGNORE, 0)
        of_target = probabilities.gather(1, known[:, None])[:, 0]
        confidence, classes = probabilities.max(1)
        agrees = classes == target
        powers = self.options.agreement_power, self.options.disagreement_power
        weight = torch.where(agrees, *(of_target**power for power in powers))
        if self.options.skip_surer:
            is_surer = (LEVELS * confidence).round() > batch.pseudo_confidence
            weight = weight.masked_fill(is_surer & ~agrees, 0)
        return weight


build = DynamicTraining
