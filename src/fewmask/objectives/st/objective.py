"""ST, self-training with strong augmentation (Yang, Zhuo, Qi, Shi and Gao 2022)."""

from dataclasses import replace

import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.data.batches import Batch, joined
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.consistency.strong import drawn_boxes, recoloured
from fewmask.objectives.objective import Objective
from fewmask.objectives.st.settings import STSettings


class ST(Objective):
    """``cross_entropy`` of labelled images against their masks, and of unlabelled ones, in other
    colours and with a box cut out, against the pseudo-masks of an earlier stage (algorithm 1).

    It is the mean over all pixels of both that have a mask or a pseudo-mask and are not cut out,
    from one pass of both. Every pixel of a pseudo-mask counts, however sure it is. The stage draws
    labelled and unlabelled images at a fixed ratio; the authors repeat the labelled ones until they
    are as many as the others, which is the ratio 1. Their pseudo-masks are means over five scales
    and mirrored images, here they are predicted once.
    """

    def __init__(self, options: STSettings, blueprint: Blueprint) -> None:
        super().__init__(blueprint.segmenter())
        self.options = options

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled = batches["labelled"]
        view = self._cut_out(recoloured(batches["unlabelled"], self.options.colours))
        image, inside = (joined([labelled, view], name) for name in ("image", "inside"))
        logits = self.predict(self.network, image, inside)["segmentation"]
        return {
            "cross_entropy": self.cross_entropy(
                logits, torch.cat([labelled.mask, view.pseudo_mask])
            )
        }

    def _cut_out(self, batch: Batch) -> Batch:
        """Noise in a box of some images, of which nothing is learnt."""
        if self.options.cutout is None:
            return batch
        cut = drawn_boxes(self.options.cutout, batch.image)
        return replace(
            batch,
            image=torch.where(cut[:, None], torch.rand_like(batch.image), batch.image),
            pseudo_mask=batch.pseudo_mask.masked_fill(cut, IGNORE),
        )


build = ST
