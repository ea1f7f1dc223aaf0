"""Adversarial learning with a discriminator of pixels (Hung, Tsai, Liou, Lin and Yang 2018)."""

import torch
from torch import Tensor

from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.discriminators import PixelDiscriminator
from fewmask.objectives.adversarial.base import (
    Adversarial,
    judgement_error,
    known_pixels,
    mask_maps,
    prediction_maps,
    self_taught,
)
from fewmask.objectives.hung.settings import HungSettings


class Hung(Adversarial):
    """Predictions that look like masks, pixel by pixel.

    With x the labelled images and u the unlabelled ones, S the segmenter, p its probabilities, D
    the discriminator's probability that a pixel is one of a mask, and BCE means over pixels:

    - ``cross_entropy``: CE(S(x), y) against the masks y (the paper's equation 3),
    - ``adversarial``: BCE(D(p(x)), 1) (equation 4) at the pixels whose class is known, and
      ``unlabelled_adversarial``: BCE(D(p(u)), 1) inside the images,
    - ``self_taught``: the mean of CE(S(u), argmax S(u)) over the pixels where D(p(u)) reaches the
      threshold (equation 5),
    - ``discriminator``: half of BCE(D(p), 0) + BCE(D(y), 1) (equation 1).

    Pixels that do not count are 0 in what D sees of both. The masks that D sees are those of the
    step's labelled images; in the authors' code they are drawn by themselves. There the segmenter
    skips ``unlabelled_adversarial``, too, in a step without a pixel that reaches the threshold.
    """

    def __init__(self, options: HungSettings, blueprint: Blueprint) -> None:
        inputs, channels = blueprint.heads["segmentation"], options.discriminator.channels
        super().__init__(options, blueprint, PixelDiscriminator(inputs, channels))

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, unlabelled = batches["labelled"], batches["unlabelled"]
        known, inside = known_pixels(labelled), known_pixels(unlabelled)
        of_labelled, of_unlabelled = self.logits(labelled), self.logits(unlabelled)
        maps = prediction_maps(of_labelled, known), prediction_maps(of_unlabelled, inside)
        scores, unlabelled_scores = self.opposed(torch.cat(maps)).split([len(known), len(inside)])
        is_sure = unlabelled_scores.detach().sigmoid() >= self.options.threshold
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "adversarial": judgement_error(scores, True, known),
            "unlabelled_adversarial": self._from(self.options.adversarial_start, step)
            * judgement_error(unlabelled_scores, True, inside),
            "self_taught": self._from(self.options.self_taught_start, step)
            * self_taught(of_unlabelled, inside & is_sure),
            "discriminator": self._discriminator(labelled.mask, maps, known, inside),
        }

    def _from(self, start: float, step: int) -> float:
        """The weight of a loss that begins after a share of the training."""
        return float(step >= start * self.steps)

    def _discriminator(
        self, mask: Tensor, maps: tuple[Tensor, Tensor], known: Tensor, inside: Tensor
    ) -> Tensor:
        """How wrongly it tells masks from the ``maps`` of labelled and unlabelled images, of which
        the pixels ``known`` and ``inside`` count."""
        kinds = 2 if self.options.judged_images == "all" else 1
        predicted, counted = torch.cat(maps[:kinds]), torch.cat([known, inside][:kinds])
        given = torch.cat([mask_maps(mask, self.classes), predicted])
        of_masks, of_predicted = self.judged(given).split([len(mask), len(predicted)])
        errors = (
            judgement_error(of_masks, True, known),
            judgement_error(of_predicted, False, counted),
        )
        return sum(errors) / 2


build = Hung
