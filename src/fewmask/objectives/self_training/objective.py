"""Self-training with a teacher and an auxiliary head (Ke et al. 2020, 3.1 and 3.2).

One objective serves stages 2 and 3 of the paper, and further ones: they differ in whose
pseudo-masks they learn and in how many blocks the auxiliary head shares.
"""

import torch
from torch import Tensor, nn

from fewmask import IGNORE
from fewmask.config.strong_augmentation import StrongAugmentationSettings
from fewmask.data.augmentation.strong import StrongAugmentation
from fewmask.data.batches import Batch, joined
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.segmenter import Segmenter
from fewmask.objectives.losses import cross_entropy
from fewmask.objectives.self_training.settings import SelfTrainingSettings
from fewmask.objectives.taught import Taught


class SelfTraining(Taught):
    """Cross-entropies against masks, against a teacher's classes, and against pseudo-masks.

    With x the images of a step as the stage's augmentation leaves them, and A and B one draw of
    strong augmentation for each:

    - ``cross_entropy`` of f(x) against the masks of the labelled images (equation 2),
    - ``consistency`` of f(A x) against B of the classes that the teacher finds in x, over labelled
      and unlabelled images (equation 1),
    - ``pseudo_masks`` of g(A x) against B of the pseudo-masks, over both (equation 3),

    where g is f with some last blocks of its own. The teacher is the EMA of f, in
    evaluation mode and without gradients. The weighting holds the paper's lambdas.
    """

    def __init__(
        self,
        options: SelfTrainingSettings,
        network: Segmenter,
        auxiliary: "AuxiliaryHead | None" = None,
    ) -> None:
        has_teacher = options.consistency or options.result == "teacher"
        super().__init__(network, options.teacher_decay if has_teacher else None, options.result)
        self.options = options
        self.auxiliary = auxiliary

    def parts(self, name: str) -> list[nn.Module]:
        """Also those of the auxiliary head."""
        own = getattr(self.auxiliary, name, None)
        return [*super().parts(name), *([own] if own is not None else [])]

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled = batches["labelled"]
        both = [labelled, batches["unlabelled"]]
        image, inside = (joined(both, name) for name in ("image", "inside"))
        spared = 0 if self.options.augments_labelled else len(labelled.image)
        strong = self._draw(image, spared, labelled.is_rgb)
        seen = labelled.image, labelled.inside, strong.images(image), strong.inside(inside)
        of_labelled, of_strong, of_auxiliary = self.predict(self._predict, *seen)
        losses = {"cross_entropy": self.cross_entropy(of_labelled, labelled.mask)}
        if self.options.consistency:
            classes = self.predict(self._classes_of_teacher, image, inside)
            losses["consistency"] = cross_entropy(of_strong, strong.masks(classes))
        if self.auxiliary is not None:
            pseudo_masks = strong.masks(joined(both, "pseudo_mask"))
            losses["pseudo_masks"] = cross_entropy(of_auxiliary, pseudo_masks)
        return losses

    def _predict(
        self, labelled: Tensor, labelled_inside: Tensor, strong: Tensor, strong_inside: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Logits of f for the labelled and for the strongly augmented images; of g for these."""
        count = len(labelled)
        features = self.network.features(
            torch.cat([labelled, strong]), torch.cat([labelled_inside, strong_inside])
        )
        logits, of_auxiliary = self.network.scores(features), None
        if self.auxiliary is not None:
            of_auxiliary = self.auxiliary([level[count:] for level in features])
        return logits[:count], logits[count:], of_auxiliary

    def after_update(self) -> None:
        """Let the teacher follow, with the decay of its age."""
        if self.teacher is not None:
            self.teacher.decay = self.options.decay_after(self.teacher.updates)
        super().after_update()

    def _draw(self, image: Tensor, spared: int, is_rgb: bool) -> StrongAugmentation:
        options = self.options.strong_augmentation or NOTHING
        return StrongAugmentation.draw(
            options, len(image), *image.shape[2:], image.device, spared, is_rgb
        )

    @torch.no_grad()
    def _classes_of_teacher(self, image: Tensor, inside: Tensor) -> Tensor:
        """int64 (N, H, W): the likeliest classes; padding counts nowhere."""
        classes = self.teacher(image, inside)["segmentation"].argmax(1)
        return classes.masked_fill(inside[:, 0] == 0, IGNORE)


NOTHING = StrongAugmentationSettings(operations=0, boxes=0)
"""A and B that leave everything as it is."""


class AuxiliaryHead(nn.Module):
    """The last blocks of a network, applied to the features of another that shares the first."""

    def __init__(self, network: Segmenter, own_blocks: int) -> None:
        """Keep the last blocks of ``network``: with 1 all that follows the encoder, with 2 its last
        stage as well, which must be apart from the others (``Network.has_own_last_stage``).
        """
        super().__init__()
        self.decoder = network.decoder
        self.segmentation_head = network.segmentation_head
        self.encoder = _last_stage(network) if own_blocks == 2 else None

    def forward(self, features: list[Tensor]) -> Tensor:
        """Logits, float (N, K, H, W), from all feature maps of the other's encoder."""
        if self.encoder is not None:
            features = [*features[:-1], self.encoder(features[-2])]
        return self.segmentation_head(self.decoder(features))


def _last_stage(network: Segmenter) -> nn.Module:
    """conv5x of a residual network, or what comes last in a less deep one."""
    encoder = network.encoder
    return getattr(encoder, f"layer{len(encoder.out_channels) - 2}")


def build(options: SelfTrainingSettings, blueprint: Blueprint) -> SelfTraining:
    """The objective with a student and, where requested, an auxiliary head of its own weights."""
    network, auxiliary = blueprint.segmenter(), None
    if options.auxiliary is not None:
        auxiliary = AuxiliaryHead(blueprint.segmenter(), options.auxiliary.own_blocks)
    return SelfTraining(options, network, auxiliary)
