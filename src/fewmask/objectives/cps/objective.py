"""Cross pseudo supervision (Chen, Yuan, Zeng and Wang 2021)."""

import torch
from torch import Tensor

from fewmask.data.augmentation.mixing import Paste
from fewmask.data.batches import Batch, joined
from fewmask.objectives.assessment import evaluating
from fewmask.objectives.consistency.options import EVERY_PIXEL
from fewmask.objectives.consistency.strong import drawn_boxes, pasted
from fewmask.objectives.consistency.target import Target, target_cross_entropy
from fewmask.objectives.two_networks.base import TwoNetworks


class CrossPseudoSupervision(TwoNetworks):
    """Two networks f and g, whose decoders start from weights of their own.

    With x the labelled images and u the unlabelled ones:

    - ``cross_entropy``: CE(f(x), y) + CE(g(x), y) against the masks y (the paper's equation 1),
    - ``cross_supervision``: CE(f(v), argmax g(v)) + CE(g(v), argmax f(v)) over the pixels inside
      the images v (equations 2 and 3), without gradients through the classes.

    v is u and x together. With ``mixing`` v is u with boxes of other images pasted in, and the
    classes are those that the networks predict, in evaluation mode, for the images before pasting.
    In the authors' code these networks are in training mode, and an image may be mixed with a
    changed copy of itself; here it never is.
    """

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, unlabelled = batches["labelled"], batches["unlabelled"]
        of_labelled = self.logits(labelled)
        if self.options.mixing is None:
            both = zip(of_labelled, self.logits(unlabelled), strict=True)
            logits = [torch.cat(pair) for pair in both]
            inside = joined([labelled, unlabelled], "inside")
            targets = [Target.of(one.detach().float(), inside) for one in logits]
        else:
            mixing = self.options.mixing
            paste = Paste(drawn_boxes(mixing, unlabelled.image, mixing.count))
            targets = [one.moved(paste) for one in self._targets(unlabelled)]
            logits = self.logits(pasted(unlabelled, paste))
        crossed = zip(logits, reversed(targets), strict=True)
        return {
            "cross_entropy": sum(self.cross_entropy(one, labelled.mask) for one in of_labelled),
            "cross_supervision": self.weight(step)
            * sum(target_cross_entropy(one, target, EVERY_PIXEL) for one, target in crossed),
        }

    @torch.no_grad()
    def _targets(self, batch: Batch) -> list[Target]:
        """What both networks predict in evaluation mode."""
        with evaluating(self.network), evaluating(self.second):
            return [Target.of(one.float(), batch.inside) for one in self.logits(batch)]


build = CrossPseudoSupervision
