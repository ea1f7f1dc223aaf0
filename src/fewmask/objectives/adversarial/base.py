"""The base of adversarial objectives."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask import IGNORE
from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.frozen import constant
from fewmask.objectives.adversarial.options import AdversarialSettings
from fewmask.objectives.losses import cross_entropy, mean
from fewmask.objectives.objective import Objective
from fewmask.objectives.parameter_group import ParameterGroup


class Adversarial(Objective):
    """A segmenter, and a discriminator that tells its predictions from masks.

    Both learn in the same step, each from losses of its own: the discriminator from predictions
    through which no gradient flows (`judged`), the segmenter through a discriminator that is
    constant (`opposed`). ``discriminator``, the loss of the former, is none of the losses that a
    weighting weighs.
    """

    def __init__(
        self, options: AdversarialSettings, blueprint: Blueprint, discriminator: nn.Module
    ) -> None:
        super().__init__(blueprint.segmenter())
        self.options, self.steps = options, blueprint.steps
        self.classes = blueprint.heads["segmentation"]
        self.discriminator = discriminator

    def parameter_groups(self) -> list[ParameterGroup]:
        own = list(self.discriminator.parameters())
        return [ParameterGroup(own, optimiser=self.options.discriminator.optimiser)]

    def logits(self, batch: Batch) -> Tensor:
        """Those of the segmenter, float (N, K, H, W)."""
        return self.predict(self.network, batch.image, batch.inside)["segmentation"]

    def judged(self, maps: Tensor) -> Tensor | tuple[Tensor, ...]:
        """What the discriminator makes of maps, to learn from: gradients reach it alone."""
        return self.predict(self.discriminator, maps.detach())

    def opposed(self, maps: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The same, for the segmenter to learn from: gradients reach the maps alone."""
        return self.predict(constant(self.discriminator), maps)


def known_pixels(batch: Batch) -> Tensor:
    """bool (N, H, W): where the masks of a batch say something; without masks inside the images."""
    return batch.inside[:, 0] == 1 if batch.mask is None else batch.mask != IGNORE


def mask_maps(mask: Tensor, classes: int) -> Tensor:
    """A mask, int64 (N, H, W), as float32 (N, K, H, W): 1 for the class of a pixel, 0 elsewhere and
    where it is not known."""
    return (mask[:, None] == torch.arange(classes, device=mask.device).view(-1, 1, 1)).float()


def prediction_maps(logits: Tensor, counted: Tensor) -> Tensor:
    """The probabilities of logits, float (N, K, H, W); 0 at pixels that are not ``counted``, bool
    (N, H, W), so that these tell the discriminator nothing."""
    return logits.softmax(1) * counted[:, None]


def judgement_error(scores: Tensor, is_mask: bool, counted: Tensor) -> Tensor:
    """The mean binary cross-entropy of a discriminator's logits against what it judged; 0 if
    nothing is ``counted``. ``scores`` float and ``counted`` bool, of equal shapes."""
    error = functional.softplus((-scores if is_mask else scores).float())
    return mean((error * counted).sum(), counted.sum())


def self_taught(logits: Tensor, kept: Tensor) -> Tensor:
    """The mean cross-entropy of logits, float (N, K, H, W), against their own likeliest classes at
    the pixels that are ``kept``, bool (N, H, W); 0 if none are."""
    return cross_entropy(logits, logits.detach().argmax(1).masked_fill(~kept, IGNORE))
