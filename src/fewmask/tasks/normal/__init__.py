"""Surface normals: which way the surface at every pixel faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from fewmask.config.task import Task, TaskSettings
from fewmask.metrics.errors import Errors
from fewmask.metrics.normal import NormalErrors
from fewmask.tasks.segmentation import mean_of_logits, summed_cross_entropy

if TYPE_CHECKING:
    from torch import Tensor

    from fewmask.data.augmentation.warp import Warp


class NormalSettings(TaskSettings):
    """Learn surface normals, where they are known."""

    name: Literal["normal"] = "normal"
    codes: int | None = Field(default=None, gt=3, le=255)
    """Learn them as a choice among so many directions, by cross-entropy (Khamesra et al., II.A.1;
    it does not say how many); absent: as vectors, by one minus the cosine (the NYUv2
    benchmark's)."""


class Normal(Task):
    """Normals, float32 (H, W, 3), unit vectors (x right, y down, z away), 0 = not known."""

    name = field = "normal"
    settings = NormalSettings
    channels = 3
    fits_stretched = False
    title = "surface normals"
    judged_by = "normal_mean_angle"
    legend = "Surface normals: red is right, green is up, blue is towards the camera."

    def head_channels(self, settings: NormalSettings, classes: int) -> int:
        """One for every axis, or for every code (see `fewmask.tasks.normal.codes`)."""
        return settings.codes or self.channels

    def output(self, maps: Tensor) -> dict[str, Tensor]:
        """Normals, float32 (N, 3, H, W), unit vectors; with codes also ``normal_logits``, float32
        (N, number of codes, H, W)."""
        from torch.nn import functional

        from fewmask.tasks.normal.codes import mean_of_codes

        maps = maps.float()
        if maps.shape[1] == self.channels:
            return {self.name: functional.normalize(maps, dim=1)}
        return {self.name: mean_of_codes(maps), "normal_logits": maps}

    def mean(self, outputs: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Of vectors the sum, scaled to length 1; of codes the mean of their probabilities."""
        if "normal_logits" in outputs[0]:
            return self.output(mean_of_logits([one["normal_logits"] for one in outputs]))
        return self.output(sum(one[self.name] for one in outputs))

    def error(
        self, outputs: dict[str, Tensor], truth: Tensor, settings: NormalSettings
    ) -> tuple[Tensor, Tensor]:
        """One minus the cosine of the angle, or the cross-entropy of the nearest code."""
        from fewmask.tasks.normal.codes import nearest_code

        if settings.codes is None:
            return normal_error(outputs[self.name], truth)
        return summed_cross_entropy(outputs["normal_logits"], nearest_code(truth, settings.codes))

    def warped(self, warp: Warp, truth: Tensor) -> Tensor:
        """Turned and mirrored as the image is."""
        from fewmask.data.augmentation.geometry import warp_normals

        return warp_normals(warp, truth)

    def errors(self) -> Errors:
        """Angles."""
        return NormalErrors()

    def colours(self, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Red is right, green up, blue towards the camera."""
        from fewmask.data.inspection.sheet import hatched

        return hatched(values.any(axis=-1), 255 * (values * [1, -1, -1] + 1) / 2)


def normal_error(predicted: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of one minus the cosine of the angle between normals, where they are known, and how
    many pixels these are.

    Both float32 (N, 3, H, W), unit vectors; a true normal of 0 is not known.
    """
    known = truth.square().sum(1) > 0
    return ((1 - (predicted.float() * truth).sum(1)) * known).sum(), known.sum()


TASK = Normal()
