"""U2PL (Wang, Wang, Shen, Fei, Li, Jin, Wu, Zhao and Le 2022)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask import IGNORE
from fewmask.data.batches import Batch, joined
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.teacher import Teacher
from fewmask.objectives.assessment import evaluating
from fewmask.objectives.consistency.base import Consistency
from fewmask.objectives.consistency.strong import strong
from fewmask.objectives.consistency.target import Target
from fewmask.objectives.features.channels import Scales, scaled
from fewmask.objectives.losses import mean
from fewmask.objectives.u2pl.contrast import Pixels, RepresentationHead, contrastive_loss
from fewmask.objectives.u2pl.memory import Memory
from fewmask.objectives.u2pl.settings import U2PLSettings

STRIDE = 4
"""Vectors are compared at a quarter of the images' size, or of the decoder's if it is smaller."""


class U2PL(Consistency):
    """Pseudo-labels where the teacher's entropy is low, and contrast where it is high.

    With x the labelled images, u the unlabelled ones, v the latter with boxes of each other, t the
    teacher, and gamma the entropy that a share ``unreliable`` of the pixels of t(v) exceed, which
    falls linearly to 0 in the course of the training:

    - ``cross_entropy`` of f(x) against the masks,
    - ``consistency``: the mean of CE(f(v), argmax t(u)) over the pixels whose entropy is at most
      gamma, divided by their share of all pixels inside the images,
    - ``contrastive``: see `contrastive_loss`. A second head on the decoder's features gives each
      pixel of x and v a vector. Pixels whose class is unlikely, but not the unlikeliest, at an
      entropy above gamma are remembered as negatives of that class.

    The teacher is in evaluation mode. In the authors' code it predicts t(v) in training mode, its
    batch-norms are not averaged, and labelled images and views pass through the networks together;
    a pixel with an entropy of exactly gamma counts as unreliable, so that none is left where most
    have an entropy of 0; one batch in two is mixed; padding counts; and the first epoch on VOC is
    one of labelled images alone, for which ``ramp_up`` stands here. Its memory for class 0 is
    larger than for others. The mean of a class, the positive, is that of the teacher's vectors, as
    there; in the paper it is that of the anchors.
    """

    def __init__(self, options: U2PLSettings, blueprint: Blueprint) -> None:
        super().__init__(options, blueprint)
        self.classes = blueprint.heads["segmentation"]
        self.head = RepresentationHead(_inputs(self.network.segmentation_head), options.contrast)
        decay = options.teacher_decay
        self.teacher_head = None if decay is None else Teacher(self.head, decay)
        self.memory = Memory(self.classes, options.contrast.memory, options.contrast.channels)

    def parts(self, name: str) -> list[nn.Module]:
        """The head of vectors is a part of the segmentation head."""
        return [*super().parts(name), *([self.head] * (name == "segmentation_head"))]

    def after_update(self) -> None:
        """Let both parts of the teacher follow."""
        super().after_update()
        if self.teacher_head is not None:
            self.teacher_head.update(self.head)

    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        target = Target.of(self.taught(weak), weak.inside)
        view, paste = strong(weak, None, self.options.mixing)
        target, known = target.moved(paste), labelled.mask != IGNORE
        (of_labelled, first), (of_view, second) = self.outputs(labelled, view)
        logits, vectors = self._taught_vectors(labelled, view)
        share = self.options.unreliable * max(0.0, 1 - step / self.steps)
        probabilities = logits.softmax(1)
        entropy = torch.special.entr(probabilities[len(labelled.image) :]).sum(1)
        reliable = target.valid & (entropy <= quantile(entropy, target.valid, 1 - share))
        anchored = reliable
        if self.options.contrast.unlabelled_anchors == "most_reliable":
            anchored = target.valid & (entropy <= quantile(entropy, target.valid, share))
        pixels = {
            "classes": torch.cat([labelled.mask, target.classes]),
            "is_labelled": torch.cat([known, torch.zeros_like(target.valid)]),
            "is_member": torch.cat([known, anchored]),
            "is_unreliable": torch.cat([torch.zeros_like(known), target.valid & ~reliable]),
        }
        size = vectors.shape[2:]
        of_pixels = Pixels(
            **{name: sampled(one[:, None], size)[:, 0] for name, one in pixels.items()},
            probabilities=sampled(probabilities, size),
        )
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "consistency": self._consistency(of_view, target, reliable),
            "contrastive": contrastive_loss(
                flat(torch.cat([first, second])),
                flat(vectors),
                of_pixels,
                self.memory,
                self.options.contrast,
            ),
        }

    def of_student(self, image: Tensor, inside: Tensor, scales: Scales) -> tuple[Tensor, Tensor]:
        """The logits, and the vectors that are compared, float (N, D, h, w)."""
        features = self.network.decoder(scaled(self.network.features(image, inside), scales))
        return self.network.segmentation_head(features), self.head(smaller(features, image))

    @torch.no_grad()
    def _taught_vectors(self, *batches: Batch) -> tuple[Tensor, Tensor]:
        """The teacher's logits, float32 (N, K, H, W), and vectors, for all images of batches."""
        network, head = self.network, self.head
        if self.teacher is not None:
            network, head = self.teacher.network, self.teacher_head.network

        def of_teacher(image: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
            features = network.decoder(network.features(image, inside))
            return network.segmentation_head(features), head(smaller(features, image))

        with evaluating(network, head):
            outputs = self.predict(of_teacher, joined(batches, "image"), joined(batches, "inside"))
        logits, vectors = (one.float() for one in outputs)
        return logits, vectors

    def _consistency(self, logits: Tensor, target: Target, reliable: Tensor) -> Tensor:
        error = functional.cross_entropy(logits.float(), target.classes, reduction="none")
        kept = reliable.sum()
        return mean((error * reliable).sum(), kept) * mean(target.valid.sum(), kept)


def quantile(values: Tensor, valid: Tensor, share: float) -> Tensor:
    """What a share of those values that are valid do not exceed: a scalar; the largest possible
    number if none is. ``values`` float, ``valid`` bool, of equal shapes."""
    ordered = values.masked_fill(~valid, torch.inf).flatten().sort().values
    index = (share * (valid.sum() - 1)).floor().long().clamp(min=0)
    return ordered[index]


def smaller(features: Tensor, image: Tensor) -> Tensor:
    """Features (N, C, h, w) averaged to a quarter of the images' size, if they are larger."""
    size = [
        min(side, -(-whole // STRIDE))
        for side, whole in zip(features.shape[2:], image.shape[2:], strict=True)
    ]
    return functional.adaptive_avg_pool2d(features, size)


def sampled(maps: Tensor, size: torch.Size) -> Tensor:
    """The pixels of (N, C, H, W) at the centres of fewer ones: (N * h * w, C)."""
    down, across = (
        ((torch.arange(few, device=maps.device) + 0.5) * many / few).long()
        for few, many in zip(size, maps.shape[2:], strict=True)
    )
    return flat(maps[:, :, down[:, None], across])


def flat(maps: Tensor) -> Tensor:
    """(N, C, h, w) -> (N * h * w, C)."""
    return maps.movedim(1, -1).flatten(0, -2)


def _inputs(head: nn.Module) -> int:
    """The channels that a segmentation head receives from the decoder."""
    return next(one.in_channels for one in head.modules() if isinstance(one, nn.Conv2d))


build = U2PL
