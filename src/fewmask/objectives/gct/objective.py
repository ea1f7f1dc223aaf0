"""Guided collaborative training (Ke, Qiu, Li, Yan and Lau 2020)."""

import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.data.batches import Batch, joined
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.flaw_detector import FlawDetector
from fewmask.networks.frozen import constant
from fewmask.objectives.consistency.options import EVERY_PIXEL
from fewmask.objectives.consistency.target import (
    SoftTarget,
    target_squared_error,
    weighted_mean,
)
from fewmask.objectives.gct.flaws import compared_flaws, true_flaws
from fewmask.objectives.gct.settings import GCTSettings
from fewmask.objectives.losses import mean
from fewmask.objectives.parameter_group import ParameterGroup
from fewmask.objectives.two_networks.base import TwoNetworks

Pair = tuple[Tensor, Tensor]
"""Of both networks."""


class GCT(TwoNetworks):
    """Two networks f and g that learn from whichever is less wrong, and a flaw detector F that
    says which.

    With x the labelled images, u the unlabelled ones, v both together, p and q the probabilities
    that f and g predict, K classes, and F(v, p) the map of how wrong p is:

    - ``cross_entropy``: CE(f(x), y) + CE(g(x), y) against the masks y,
    - ``flaw_correction``: the sum of the means of F(v, p)^2 and F(v, q)^2 over the pixels inside
      the images, where only pixels count at which both networks are wrong (the paper's equation
      4), through a detector that is constant,
    - ``consistency``: the sum of the means of |p - q|^2 over these pixels, in which at every pixel
      only the network learns that is more wrong, from the other one (equation 5; the authors also
      divide by K, by which a weight would mean ten times as much for 2 classes as for 21),
    - ``flaw_detector``: the mean of (F(x, p) - t)^2 over the known pixels, t being the true flaws,
      and the same of q, halved (equation 2). Both networks are constant in it. It is none of the
      losses that a weighting weighs: it reaches the detector alone.

    A network is wrong at a pixel whose flaw, in a map that goes from 0 to 1, exceeds the threshold;
    of two that are, none learns. The authors pass images through the networks twice, to save
    memory, and unlabelled ones through the detector that learns, too; pixels without a class are
    half wrong there, and padding counts.
    """

    def __init__(self, options: GCTSettings, blueprint: Blueprint) -> None:
        super().__init__(options, blueprint)
        inputs = blueprint.image_channels + blueprint.heads["segmentation"]
        self.detector = FlawDetector(inputs, options.detector.channels)

    def parameter_groups(self) -> list[ParameterGroup]:
        own = list(self.detector.parameters())
        return [ParameterGroup(own, optimiser=self.options.detector.optimiser)]

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled = batches["labelled"]
        both = [labelled, batches["unlabelled"]]
        image, inside = (joined(both, name) for name in ("image", "inside"))
        logits = [self.predict(one, image, inside)["segmentation"] for one in self.networks]
        valid = inside[:, 0] == 1
        seen = [one.softmax(1) * inside for one in logits]
        flaws = [self.predict(constant(self.detector), image, one) for one in seen]
        maps = tuple(compared_flaws(one.detach(), valid) for one in flaws)
        count, mask = len(labelled.image), labelled.mask
        return {
            "cross_entropy": sum(self.cross_entropy(one[:count], mask) for one in logits),
            "flaw_correction": self._correction(flaws, maps, valid),
            "consistency": self.weight(step) * self._consistency(logits, maps, valid),
            "flaw_detector": self._detection(labelled, [one[:count].detach() for one in seen]),
        }

    def _correction(self, flaws: list[Tensor], maps: Pair, valid: Tensor) -> Tensor:
        first, second = (one > self.options.threshold for one in maps)
        are_wrong = (first & second & valid).float()
        return sum(weighted_mean(one.float().square(), are_wrong, valid, "valid") for one in flaws)

    def _consistency(self, logits: list[Tensor], maps: Pair, valid: Tensor) -> Tensor:
        own, other = (one.masked_fill(one > self.options.threshold, 1.0) for one in maps)
        first, second = (one.detach().float().softmax(1) for one in logits)
        targets = [
            torch.where((own <= other)[:, None], first, second),
            torch.where((other <= own)[:, None], second, first),
        ]
        errors = (
            target_squared_error(one, SoftTarget(target, target.amax(1), valid), EVERY_PIXEL)
            for one, target in zip(logits, targets, strict=True)
        )
        return sum(errors)

    def _detection(self, labelled: Batch, probabilities: list[Tensor]) -> Tensor:
        """How wrong the detector is about both networks, whose ``probabilities`` of labelled images
        have no gradients."""
        is_known = labelled.mask != IGNORE
        errors = []
        for one in probabilities:
            found = self.predict(self.detector, labelled.image, one).float()
            error = (found - true_flaws(one.float(), labelled.mask)).square()
            errors.append(mean((error * is_known).sum(), is_known.sum()))
        return sum(errors) / 2


build = GCT
