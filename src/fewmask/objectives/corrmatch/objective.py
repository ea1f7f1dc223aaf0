"""CorrMatch (Sun, Yang, Zhang, Cheng and Hou 2024)."""

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.consistency.base import Consistency
from fewmask.objectives.consistency.options import Confidence
from fewmask.objectives.consistency.strong import strong
from fewmask.objectives.consistency.target import (
    SoftTarget,
    Target,
    target_cross_entropy,
    weighted_mean,
    weights,
)
from fewmask.objectives.corrmatch.correlation import (
    CorrelationHead,
    correlation,
    propagated,
    regions,
    spread,
)
from fewmask.objectives.corrmatch.settings import CorrMatchSettings
from fewmask.objectives.features.channels import (
    Scales,
    channels_of,
    dropped,
    joined_scales,
    scaled,
    whole,
)
from fewmask.objectives.losses import cross_entropy, mean


class Answer(NamedTuple):
    """What the student makes of a batch."""

    logits: Tensor
    """float (N, K, H, W)."""
    query: Tensor
    """float (N, K, h, w); see `CorrelationHead`."""
    key: Tensor
    """The same."""


class CorrMatch(Consistency):
    """UniMatch with one strong view, an adaptive threshold, and classes that spread to pixels with
    similar features.

    A head on a feature map of the encoder compares all places with each other: correlations M, of
    which every row adds up to 1. With x the labelled images, u the weak and s the strong view of
    the others, p what the student (or its teacher) predicts of u, y = argmax p where max p reaches
    the threshold, and y' = y after spreading over regions (see `propagated`):

    - ``cross_entropy`` of f(x) against the masks,
    - ``correlation``, the same of f(x) M(x),
    - ``consistency``: CE(f(s), y'),
    - ``divergence``: KL(p || softmax f(s)) where y is sure,
    - ``feature_consistency``: CE(f(u), y), with channels of features dropped as in `UniMatch`,
    - ``unlabelled_correlation``: the mean of CE(f(s) M(s), y') and CE(p M(u), y), p as logits.

    No gradient flows to logits that M spreads. Sums over pixels are divided as in `FixMatch`. The
    paper's loss is half of L_x / 2 + L_x^corr / 2 + (L_s + L_KL + L_fp + L_corr) / 4.

    Whatever belongs to a pixel of a strong view is pasted with it: its class after spreading, and
    its probabilities. In the authors' code regions end at the boxes that are pasted; the divergence
    inside a box is from the prediction for what the box hides; a region sees the classes that
    earlier ones have spread; and with several processes images are mixed with themselves.
    """

    supervised_losses = ("cross_entropy", "correlation")

    def __init__(self, options: CorrMatchSettings, blueprint: Blueprint) -> None:
        super().__init__(options, blueprint)
        self.channels = channels_of(self.network, options.dropped_maps, "dropped_maps")
        compared = channels_of(self.network, [options.compared_map], "compared_map")
        ((self.compared, channels),) = compared.items()
        self.classes = blueprint.heads["segmentation"]
        self.correlation_head = CorrelationHead(
            channels, options.correlation_channels, self.classes, options.correlation_dropout
        )
        self.register_buffer("threshold", torch.tensor(options.confidence.threshold))
        # Targets here have a confidence of 1 or 0: reaching the threshold or not.
        self.counting = Confidence(
            threshold=1, rule=options.confidence.rule, denominator=options.confidence.denominator
        )

    def parts(self, name: str) -> list[nn.Module]:
        """The head of correlations is a part of the segmentation head."""
        return [*super().parts(name), *([self.correlation_head] * (name == "segmentation_head"))]

    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        logits = self.taught(weak)
        sure = self._sure(Target.of(logits, weak.inside))
        view, paste = strong(weak, self.options.colours, self.options.mixing)
        of_labelled, of_view, of_weak = self._answers(labelled, view, weak)
        of_weak_correlation = correlation(of_weak.query, of_weak.key)
        target = self._propagated(sure, of_weak_correlation, of_weak.key.shape[2:]).moved(paste)
        probabilities = SoftTarget.of(logits, weak.inside).moved(paste).probabilities
        spread_weak = spread(logits, of_weak_correlation, of_weak.key.shape[2:])
        of_correlation = (
            target_cross_entropy(_spread(of_view), target, self.counting),
            target_cross_entropy(spread_weak, sure, self.counting),
        )
        return {
            "cross_entropy": self.cross_entropy(of_labelled.logits, labelled.mask),
            "correlation": cross_entropy(_spread(of_labelled), labelled.mask),
            "consistency": target_cross_entropy(of_view.logits, target, self.counting),
            "divergence": self._divergence(of_view.logits, probabilities, sure.moved(paste)),
            "feature_consistency": target_cross_entropy(of_weak.logits, sure, self.counting),
            "unlabelled_correlation": torch.stack(of_correlation).mean(),
        }

    def of_student(self, image: Tensor, inside: Tensor, scales: Scales) -> Answer:
        """The logits of scaled features; queries and keys of features as they are."""
        features = self.network.features(image, inside)
        logits = self.network.scores(scaled(features, scales))
        return Answer(logits, *self.correlation_head(features[self.compared]))

    def _answers(self, labelled: Batch, view: Batch, weak: Batch) -> list[Answer]:
        """The student's answers, those for weak views with channels of features dropped."""
        count = len(weak.image)
        scales = joined_scales(
            whole(self.channels, len(labelled.image) + count),
            dropped(self.channels, count, self.options.feature_dropout),
        )
        return [Answer(*one) for one in self.outputs(labelled, view, weak, scales=scales)]

    @torch.no_grad()
    def _sure(self, target: Target) -> Target:
        """The target with a confidence of 1 or 0, once the threshold has followed it."""
        decay = self.options.confidence.decay
        if decay is not None:
            current = confidence_of_classes(target, self.classes)
            followed = decay * self.threshold + (1 - decay) * current
            self.threshold.copy_(torch.where(target.valid.any(), followed, self.threshold))
        return replace(target, confidence=(target.confidence >= self.threshold).float())

    @torch.no_grad()
    def _propagated(self, sure: Target, correlations: Tensor, places: torch.Size) -> Target:
        """The target after spreading over the regions of places that are drawn at random."""
        count, number = correlations.shape[:2]
        chosen = torch.rand(count, number).argsort(1)[:, : self.options.regions]
        if not chosen.numel():
            return sure
        chosen = chosen.to(correlations.device, non_blocking=True)
        region = regions(correlations, chosen, places, sure.classes.shape[1:])
        return propagated(sure, self.classes, region, self.threshold)

    def _divergence(self, logits: Tensor, probabilities: Tensor, sure: Target) -> Tensor:
        """The mean Kullback-Leibler divergence of the student from probabilities."""
        error = torch.xlogy(
            probabilities, probabilities
        ) - probabilities * logits.float().log_softmax(1)
        weight = weights(sure.confidence, sure.valid, self.counting)
        return weighted_mean(error.sum(1), weight, sure.valid, self.counting.denominator)


def confidence_of_classes(target: Target, classes: int) -> Tensor:
    """The mean of the largest confidences of all classes that a target has anywhere in a batch:
    float32 scalar in [0, 1]; 0 if no pixel is valid."""
    confidence = (target.confidence * target.valid).flatten()
    largest = confidence.new_zeros(classes)
    largest = largest.scatter_reduce(0, target.classes.flatten(), confidence, "amax")
    return mean(largest.sum(), (largest > 0).sum())


def _spread(answer: Answer) -> Tensor:
    """An answer's own logits, spread along its correlations."""
    places = answer.key.shape[2:]
    return spread(answer.logits, correlation(answer.query, answer.key), places)


build = CorrMatch
