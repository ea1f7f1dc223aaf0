"""Several tasks from one encoder: masks, depths, surface normals (paper 004).

The losses are those of the field's NYUv2 benchmark (Liu, Johns and Davison 2019); how they become
one update is for the weighting.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from fewmask.config import objectives as settings
from fewmask.data.batches import Batch, joined
from fewmask.metrics import scores
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.segmenter import Segmenter
from fewmask.objectives.assessment import Autocast, Outputs, assess, predictions
from fewmask.objectives.losses import cross_entropy
from fewmask.objectives.objective import Objective


class MultiTask(Objective):
    """``segmentation``: cross-entropy of the masks of the labelled pictures; ``depth``: mean
    absolute error in metres; ``normal``: mean of one minus the cosine; the latter two over the
    pixels of all pictures that are drawn whose depth or normal is known."""

    def __init__(self, options: settings.MultiTask, network: Segmenter) -> None:
        super().__init__(network)
        self.tasks = options.tasks

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        drawn = list(batches.values())
        features = self.network.features(joined(drawn, "image"), joined(drawn, "inside"))
        losses = {}
        for task in self.tasks:
            if task == "segmentation":  # labelled pictures come first
                labelled = batches["labelled"]
                with_masks = [level[: len(labelled.rows)] for level in features]
                losses[task] = cross_entropy(self.network.scores(with_masks), labelled.mask)
            else:
                truth = joined(drawn, task)
                losses[task] = LOSSES[task](self.network.of_task(task, features), truth)
        return losses

    def validate(
        self, network: nn.Module, batches: Iterable[Batch], autocast: Autocast
    ) -> dict[str, float]:
        """``loss`` is the sum of the tasks' losses, each averaged over the batches (that of masks
        over the pixels); with masks learnt also their metrics."""
        found: dict[str, list[Tensor]] = {task: [] for task in self.tasks if task in LOSSES}

        def compare(batch: Batch, outputs: Outputs) -> None:
            for task, losses in found.items():
                losses.append(LOSSES[task](outputs[task], getattr(batch, task)))

        metrics, loss = {}, 0.0
        if "segmentation" in self.tasks:
            assessment = assess(network, batches, autocast, compare)
            loss, metrics = assessment.cross_entropy, scores(assessment.confusion.cpu().numpy())
        else:
            for batch, outputs in predictions(network, batches, autocast):
                compare(batch, outputs)
        loss += sum(float(torch.stack(losses).mean()) for losses in found.values())
        return {"loss": loss, **metrics}


def depth_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """The mean absolute error where the depth is known, in metres; 0 where it is nowhere known.

    Both float32 (N, H, W), metres; a true depth of 0 is not known.
    """
    known = truth > 0
    return ((predicted.float() - truth).abs() * known).sum() / known.sum().clamp(min=1)


def normal_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """The mean of one minus the cosine of the angle between normals, where they are known.

    Both float32 (N, 3, H, W), unit vectors; a true normal of 0 is not known.
    """
    known = truth.square().sum(1) > 0
    cosine = (predicted.float() * truth).sum(1)
    return ((1 - cosine) * known).sum() / known.sum().clamp(min=1)


LOSSES = {"depth": depth_error, "normal": normal_error}


def build(options: settings.MultiTask, blueprint: Blueprint) -> MultiTask:
    """The objective with a network of one encoder and a decoder for every task."""
    network = blueprint.segmenter()
    network.add_tasks([task for task in options.tasks if task in LOSSES])
    return MultiTask(options, network)
