"""s4GAN: adversarial learning with a discriminator of images (Mittal, Tatarchenko, Brox 2019)."""

import torch
from torch import Tensor, nn

from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.discriminators import ImageDiscriminator
from fewmask.networks.image_classes import ImageClassifier, WithImageClasses
from fewmask.networks.teacher import Teacher
from fewmask.objectives.adversarial.base import (
    Adversarial,
    judgement_error,
    known_pixels,
    mask_maps,
    prediction_maps,
    self_taught,
)
from fewmask.objectives.consistency.strong import recoloured
from fewmask.objectives.losses import mean
from fewmask.objectives.parameter_group import ParameterGroup
from fewmask.objectives.s4gan.image_classes import (
    consistency_weight,
    disagreement,
    shown_error,
)
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

    With ``image_classes`` a classifier c of images, apart from all that, learns which classes an
    image shows, by a mean teacher t (MLMT, section 3.3); neither of its losses is weighed:

    - ``image_classes``: the binary cross-entropy of c(x) for every class,
    - ``image_class_consistency``: 1 - cos(c(A u), t(u)) of the logits, where A changes colours,
      with a weight that rises.

    The network that is kept predicts only classes that t finds in an image. In the authors' code
    they are trained one after the other, the segmenter's scores of other classes are multiplied by
    0, which may still be the largest, and A also flips images.
    """

    def __init__(self, options: S4GANSettings, blueprint: Blueprint) -> None:
        of_discriminator = options.discriminator
        inputs = blueprint.heads["segmentation"] + blueprint.image_channels
        discriminator = ImageDiscriminator(
            inputs, of_discriminator.channels, of_discriminator.dropout
        )
        super().__init__(options, blueprint, discriminator)
        self.classifier = self.class_teacher = None
        if options.image_classes:
            self.classifier = ImageClassifier(
                blueprint.settings, self.classes, blueprint.encoder_weights
            )
            self.class_teacher = Teacher(self.classifier, options.image_classes.teacher_decay)

    @property
    def result(self) -> nn.Module:
        if self.class_teacher is None:
            return self.network
        threshold = self.options.image_classes.threshold
        return WithImageClasses(self.network, self.class_teacher.network, threshold)

    def parts(self, name: str) -> list[nn.Module]:
        """The encoder of the classifier is one of them, too."""
        is_another = name == "encoder" and self.classifier is not None
        return [*super().parts(name), *([self.classifier.encoder] if is_another else [])]

    def parameter_groups(self) -> list[ParameterGroup]:
        groups = super().parameter_groups()
        if self.classifier is not None and self.options.image_classes.optimiser:
            own = list(self.classifier.parameters())
            groups.append(ParameterGroup(own, optimiser=self.options.image_classes.optimiser))
        return groups

    def after_update(self) -> None:
        """Let the teacher of the classifier follow."""
        if self.class_teacher is not None:
            self.class_teacher.update(self.classifier)

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
        losses = {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "feature_matching": distance.abs().mean() * (has_mask.any() & has_prediction.any()),
            "self_taught": self_taught(of_unlabelled, inside & is_good[:, None, None]),
            "discriminator": sum(errors) / 2,
        }
        if self.classifier is None:
            return losses
        return losses | self._of_image_classes(labelled, unlabelled, step)

    def _of_image_classes(self, labelled: Batch, unlabelled: Batch, step: int) -> dict[str, Tensor]:
        """The losses of the classifier."""
        options = self.options.image_classes
        view = recoloured(unlabelled, options.colours)
        of_labelled, of_view = (
            self.predict(self.classifier, one.image, one.inside) for one in (labelled, view)
        )
        with torch.no_grad():
            taught = self.predict(self.class_teacher, unlabelled.image, unlabelled.inside)
        has_mask, has_image = (
            known_pixels(one).flatten(1).any(1) for one in (labelled, unlabelled)
        )
        weight = consistency_weight(step / self.steps, options.burn_in, options.ramp_up)
        return {
            "image_classes": shown_error(of_labelled, labelled.mask, has_mask),
            "image_class_consistency": weight * disagreement(of_view, taught, has_image),
        }


def mean_of(features: Tensor, counted: Tensor) -> Tensor:
    """The mean of features, float (N, D), over the images that are ``counted``, bool (N): (D)."""
    return mean((features * counted[:, None]).sum(0), counted.sum())


build = S4GAN
