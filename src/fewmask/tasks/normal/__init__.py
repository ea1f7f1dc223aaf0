"""Surface normals: which way the surface at every pixel faces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fewmask.config.task import Errors, Task
from fewmask.metrics.normal import NormalErrors
from fewmask.tasks.segmentation import summed_cross_entropy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from fewmask.data.augmentation.warp import Warp


class Normal(Task):
    """Normals, float32 (H, W, 3), unit vectors (x right, y down, z away), 0 = not known."""

    name = field = "normal"
    channels = 3
    fits_stretched = False
    options = ("normal_codes",)
    title = "surface normals"
    judged_by = "normal_mean_angle"
    legend = "Surface normals: red is right, green is up, blue is towards the camera."

    def head_channels(self, options: Any) -> int:
        """One for every axis, or for every code (see `fewmask.tasks.normal.codes`)."""
        return options.normal_codes or self.channels

    def helpers(self, channels: int) -> list[nn.Module]:
        """The codes, where the head chooses among some."""
        from fewmask.tasks.normal.codes import NormalCodes

        return [NormalCodes(channels)] if channels > self.channels else []

    def output(self, maps: Tensor, helpers: Sequence[nn.Module]) -> dict[str, Tensor]:
        """Normals, float32 (N, 3, H, W), unit vectors; with codes also ``normal_logits``, float32
        (N, number of codes, H, W)."""
        from torch.nn import functional

        if not helpers:
            return {self.name: functional.normalize(maps, dim=1)}
        return {self.name: helpers[0](maps), "normal_logits": maps}

    def error(
        self, outputs: dict[str, Tensor], truth: Tensor, options: Any, helpers: Sequence[nn.Module]
    ) -> tuple[Tensor, Tensor]:
        """One minus the cosine of the angle, or the cross-entropy of the nearest code."""
        if not helpers:
            return normal_error(outputs[self.name], truth)
        return summed_cross_entropy(outputs["normal_logits"], helpers[0].nearest(truth))

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
