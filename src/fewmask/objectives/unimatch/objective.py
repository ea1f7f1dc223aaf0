"""UniMatch (Yang, Qi, Feng, Zhang and Shi 2023)."""

from collections.abc import Callable

import torch
from torch import Tensor

from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.consistency.base import Consistency
from fewmask.objectives.consistency.options import Confidence
from fewmask.objectives.consistency.strong import two_strong
from fewmask.objectives.consistency.target import Target, target_cross_entropy
from fewmask.objectives.features.channels import channels_of, dropped, joined_scales, whole
from fewmask.objectives.unimatch.settings import UniMatchSettings

Answer = tuple[Tensor, Callable[[Tensor], Tensor]]
"""Logits of a view, float (N, K, H, W), and what moved pixels of the weak view to make it."""


class UniMatch(Consistency):
    """FixMatch with a second strong view, and a weak view whose features are perturbed.

    ``cross_entropy`` and ``consistency`` are those of `FixMatch`, the latter the mean over two
    strong views with colours and boxes of their own. ``feature_consistency`` is the same loss of
    the weak view, where channels of the encoder's features are dropped. The paper's loss is
    L = 1/2 (L_x + 1/4 L_s1 + 1/4 L_s2 + 1/2 L_fp); the method's weights are these but for the
    leading 1/2, which SGD would need.

    Pseudo-labels are those of evaluation mode. In the authors' code those of the student are of the
    training mode's forward pass but for pasted pixels, and with several processes images are mixed
    with themselves.
    """

    def __init__(self, options: UniMatchSettings, blueprint: Blueprint) -> None:
        super().__init__(options, blueprint)
        self.channels = channels_of(self.network, options.dropped_maps, "dropped_maps")

    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        target = Target.of(self.taught(weak), weak.inside)
        of_labelled, answers = self.answers(labelled, weak)
        of_strong, of_weak = against(target, answers, self.options.confidence)
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "consistency": of_strong,
            "feature_consistency": of_weak,
        }

    def answers(self, labelled: Batch, weak: Batch) -> tuple[Tensor, list[Answer]]:
        """The student's logits of labelled images, and its answers to three views of others: two
        strong ones, and the weak one with features dropped."""
        views, pastes = two_strong(weak, self.options.colours, self.options.mixing)
        count = len(weak.image)
        scales = joined_scales(
            whole(self.channels, len(labelled.image) + 2 * count),
            dropped(self.channels, count, self.options.feature_dropout),
        )
        of_labelled, *of_views = self.scores(labelled, *views, weak, scales=scales)
        return of_labelled, list(zip(of_views, (*pastes, unmoved), strict=True))


def against(target: Target, answers: list[Answer], confidence: Confidence) -> tuple[Tensor, Tensor]:
    """The losses against a target of the weak view, over the pixels of which its ``confidence``
    says that they count: of strong views, and of the weak one."""
    *of_strong, of_weak = (
        target_cross_entropy(logits, target.moved(move), confidence) for logits, move in answers
    )
    return torch.stack(of_strong).mean(), of_weak


def unmoved(batch: Tensor) -> Tensor:
    """Pixels where they are."""
    return batch


build = UniMatch
