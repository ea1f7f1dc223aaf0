"""s4GAN: adversarial learning with a discriminator of images (Mittal, Tatarchenko, Brox 2019)."""

import torch
from torch import Tensor

from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.discriminators import ImageDiscriminator
from fewmask.objectives.adversarial.base import (
    Adversarial,
    judgement_error,
    known_pixels,
    mask_maps,
    prediction_maps,
    self_taught,
)
from fewmask.objectives.losses import CHANNELS, mean
from fewmask.objectives.s4gan.settings import S4GANSettings


class S4GAN(Adversarial):
    """Predictions with the features of masks, and self-training on those that pass for masks.

    With x the labelled images and u the unlabelled ones, S the segmenter, p its probabilities, D
    the discriminator's probability that what lies beside an image is its mask, and phi the features
    by which it judges, the means of its last feature maps:

    - ``cross_entropy``: CE(S(x), y) against the masks y (the paper's equation 2),
    - ``feature_matching``: the mean over features of |mean phi(y, x) - mean phi(p(u), u)|, both
      means over the images of the step (equation 3),
    - ``self_taught``: the mean of CE(S(u), argmax S(u)) over the pixels of the images u for which
      D(p(u), u) exceeds the threshold (equation 4),
    - ``discriminator``: half of BCE(D(p(u), u), 0) + BCE(D(y, x), 1) (equation 6).

    The masks that D sees are those of the step's labelled images; in the authors' code they are
    drawn by themselves, with images whose range is that of others. Here images lie in [0, 1] as
    they are. Pixels that do not count are 0 in its maps of classes, and an image of which no pixel
    is labelled counts nowhere. phi of masks comes from the pass in which D learns.
    """

    def __init__(self, options: S4GANSettings, blueprint: Blueprint) -> None:
        of_discriminator = options.discriminator
        inputs = blueprint.heads["segmentation"] + CHANNELS
        discriminator = ImageDiscriminator(
            inputs, of_discriminator.channels, of_discriminator.dropout
        )
        super().__init__(options, blueprint, discriminator)

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, unlabelled = batches["labelled"], batches["unlabelled"]
        known, inside = known_pixels(labelled), known_pixels(unlabelled)
        has_mask, has_prediction = known.flatten(1).any(1), inside.flatten(1).any(1)
        of_labelled, of_unlabelled = self.logits(labelled), self.logits(unlabelled)
        masks = torch.cat([mask_maps(labelled.mask, self.classes), labelled.image], dim=1)
        predicted = torch.cat([prediction_maps(of_unlabelled, inside), unlabelled.image], dim=1)
        judged = self.judged(torch.cat([masks, predicted]))
        (of_masks, of_predicted), (features, _) = (
            one.split([len(masks), len(predicted)]) for one in judged
        )
        scores, opposed_features = self.opposed(predicted)
        is_good = scores.detach().sigmoid() > self.options.threshold
        errors = (
            judgement_error(of_masks, True, has_mask),
            judgement_error(of_predicted, False, has_prediction),
        )
        distance = mean_of(features.detach(), has_mask) - mean_of(opposed_features, has_prediction)
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "feature_matching": distance.abs().mean() * (has_mask.any() & has_prediction.any()),
            "self_taught": self_taught(of_unlabelled, inside & is_good[:, None, None]),
            "discriminator": sum(errors) / 2,
        }


def mean_of(features: Tensor, counted: Tensor) -> Tensor:
    """The mean of features, float (N, D), over the images that are ``counted``, bool (N): (D)."""
    return mean((features * counted[:, None]).sum(0), counted.sum())


build = S4GAN
