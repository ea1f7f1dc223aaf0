"""Objectives whose network may be followed by a teacher."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fewmask.data.batches import Batch, joined
from fewmask.networks.segmenter import Segmenter
from fewmask.networks.teacher import Teacher
from fewmask.objectives.assessment import evaluating
from fewmask.objectives.features.channels import Scales, scaled
from fewmask.objectives.objective import Objective


class Taught(Objective):
    """An objective with a student, ``network``, and a teacher that is its EMA, where there is one.

    Without a teacher the student labels images for itself.
    """

    def __init__(self, network: Segmenter, teacher_decay: float | None, result: str) -> None:
        """``teacher_decay``: of the EMA; None for no teacher. ``result``: student or teacher."""
        super().__init__(network)
        self.teacher = None if teacher_decay is None else Teacher(network, teacher_decay)
        self.is_teacher_kept = result == "teacher"

    @property
    def result(self) -> nn.Module:
        return self.teacher.network if self.is_teacher_kept else self.network

    @property
    def last(self) -> dict[str, nn.Module]:
        ema = {} if self.teacher is None else {"last_ema": self.teacher.network}
        return {"last": self.network} | ema

    def started(self) -> None:
        """Let the teacher start as its student does."""
        if self.teacher is not None:
            self.teacher.start_from(self.network)

    def after_update(self) -> None:
        """Let the teacher follow."""
        if self.teacher is not None:
            self.teacher.update(self.network)

    @torch.no_grad()
    def taught(self, batch: Batch) -> Tensor:
        """The logits of the teacher, or of the student itself, for a batch: float32 (N, K, H, W),
        in evaluation mode and without a gradient."""
        one = self.network if self.teacher is None else self.teacher.network
        with evaluating(one):
            return self.predict(one, batch.image, batch.inside)["segmentation"].float()

    def scores(
        self, labelled: Batch, *others: Batch, scales: Scales | None = None
    ) -> tuple[Tensor, ...]:
        """The student's logits for batches, float (N, K, H, W) each; see `outputs`."""
        return tuple(logits for logits, *_ in self.outputs(labelled, *others, scales=scales))

    def outputs(
        self, labelled: Batch, *others: Batch, scales: Scales | None = None
    ) -> list[tuple[Tensor, ...]]:
        """For each batch what `of_student` returns.

        Labelled images and the others pass one after the other, as in the code of most methods:
        batch-norms take their statistics over images that are changed alike.

        ``scales``: what the channels of some feature maps are multiplied by, for all images.
        """
        count, scales = len(labelled.image), scales or {}
        first = {index: one[:count] for index, one in scales.items()}
        rest = {index: one[count:] for index, one in scales.items()}
        of_labelled = self._in_one_pass([labelled], first)
        return [*of_labelled, *self._in_one_pass(others, rest)] if others else of_labelled

    def of_student(self, image: Tensor, inside: Tensor, scales: Scales) -> tuple[Tensor, ...]:
        """The student's logits, float (N, K, H, W), and whatever else an objective learns from.

        Arguments as of `Segmenter`; ``scales`` of its feature maps.
        """
        return (self.network.scores(scaled(self.network.features(image, inside), scales)),)

    def _in_one_pass(self, batches: Sequence[Batch], scales: Scales) -> list[tuple[Tensor, ...]]:
        image, inside = (joined(batches, name) for name in ("image", "inside"))
        on_device = (one.to(image.device, non_blocking=True) for one in scales.values())

        def of_student(image: Tensor, inside: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
            return self.of_student(image, inside, dict(zip(scales, values, strict=True)))

        outputs = self.predict(of_student, image, inside, *on_device)
        sizes = [len(batch.image) for batch in batches]
        return list(zip(*(one.split(sizes) for one in outputs), strict=True))
