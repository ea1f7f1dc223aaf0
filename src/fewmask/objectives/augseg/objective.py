"""AugSeg (Zhao, Yang, Long, Pi, Zhou and Wang 2023)."""

from dataclasses import replace

import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.data.augmentation.intensity import random_intensities
from fewmask.data.augmentation.mixing import Paste, partners
from fewmask.data.batches import Batch
from fewmask.objectives.consistency.base import Consistency
from fewmask.objectives.consistency.strong import boxes_that_leave
from fewmask.objectives.consistency.target import SoftTarget, Target, target_cross_entropy
from fewmask.objectives.losses import mean


class AugSeg(Consistency):
    """Pseudo-labels of weak views, learnt on views of random intensities with adaptive CutMix.

    - ``cross_entropy`` of f(x) against the masks of the labelled images,
    - ``consistency``: the sum of CE(f(v), y) over the pixels whose y is sure, over all pixels.

    A view v is the image in random intensities, with a box of another one of the batch. That other
    one is a copy that itself got a box of a labelled image, with its mask, with a probability of
    1 - rho, where rho is the mean over the pixels of an image of (1 - H(p) / ln K) max p, for the
    teacher's probabilities p. y is pasted alike, with the masks of labelled boxes, which are sure.

    In the authors' code sizes of boxes are drawn once for a batch, and boxes reach beyond the
    borders; here each image has its own, inside it. Their padding counts as pixels of class t(u);
    here it counts in the denominator ``all`` alone. Labelled images and views pass through the
    student one after the other; there they pass together.
    """

    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        logits = self.taught(weak)
        sure = sureness(SoftTarget.of(logits, weak.inside))
        most = self.options.most_operations
        view = replace(weak, image=random_intensities(weak.image, most, weak.is_rgb))
        view, target = self._mixed(labelled, view, Target.of(logits, weak.inside), sure)
        of_statistics = [weak] if self.options.batch_norms_see_weak_views else []
        of_labelled, of_view, *_ = self.scores(labelled, view, *of_statistics)
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "consistency": target_cross_entropy(of_view, target, self.options.confidence),
        }

    def _mixed(
        self, labelled: Batch, view: Batch, target: Target, sure: Tensor
    ) -> tuple[Batch, Target]:
        """Views with a box of others' copies, which may hold a labelled box."""
        count = len(view.image)
        gets_labelled = torch.rand(count).to(sure.device, non_blocking=True) >= sure
        boxes = boxes_that_leave(self.options.labelled_boxes, view.image)
        inject = Paste(boxes & gets_labelled[:, None, None])
        swap = Paste(boxes_that_leave(self.options.unlabelled_boxes, view.image))
        chosen = torch.arange(count, device=view.image.device) % len(labelled.image)

        def mixed(own: Tensor, of_labelled: Tensor) -> Tensor:
            return swap.between(own, partners(inject.between(own, of_labelled[chosen])))

        mask = labelled.mask
        of_masks = Target(
            mask.masked_fill(mask == IGNORE, 0),
            torch.ones_like(mask, dtype=target.confidence.dtype),
            mask != IGNORE,
        )
        pairs = zip(vars(target).values(), vars(of_masks).values(), strict=True)
        image, inside = mixed(view.image, labelled.image), mixed(view.inside, labelled.inside)
        return replace(view, image=image, inside=inside), Target(*(mixed(*one) for one in pairs))


def sureness(target: SoftTarget) -> Tensor:
    """rho of every image, float32 (N) in [0, 1]; 0 for one that is all padding."""
    p = target.probabilities
    entropy = -(p * p.clamp(min=1e-30).log()).sum(1) / torch.tensor(max(2, p.shape[1])).log()
    of_pixels = (1 - entropy) * target.confidence * target.valid
    return mean(of_pixels.sum((1, 2)), target.valid.sum((1, 2)))


build = AugSeg
