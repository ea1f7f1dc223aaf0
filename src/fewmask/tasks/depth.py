"""Depths: how far away along the camera's axis every pixel is, in metres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from fewmask.config.task import Task, TaskSettings
from fewmask.metrics.depth import DepthErrors
from fewmask.metrics.errors import Errors

if TYPE_CHECKING:
    from torch import Tensor

    from fewmask.data.augmentation.warp import Warp


class DepthSettings(TaskSettings):
    """Learn depths, where they are known."""

    name: Literal["depth"] = "depth"
    loss: Literal["l1", "l2"] = "l1"
    """The absolute error (the NYUv2 benchmark's), or the squared one. (The loss of Khamesra et al.
    is the squared error of the left image as depth makes it from the right one, II.A.2. It needs
    pairs of images, which no dataset here has.)"""


class Depth(Task):
    """Depths, float32 (H, W), 0 = not known."""

    name = field = "depth"
    settings = DepthSettings
    title = "depths"
    judged_by = "depth_absolute_error"
    legend = "Depth: near is bright, on the scale of the image's truth."

    def output(self, maps: Tensor) -> dict[str, Tensor]:
        """Depths, float32 (N, H, W), metres."""
        return {self.name: maps[:, 0].float()}

    def error(
        self, outputs: dict[str, Tensor], truth: Tensor, settings: DepthSettings
    ) -> tuple[Tensor, Tensor]:
        """The absolute error (l1) in metres, or the squared one (l2)."""
        of_loss = {"l1": depth_error, "l2": depth_squared_error}
        return of_loss[settings.loss](outputs[self.name], truth)

    def warped(self, warp: Warp, truth: Tensor) -> Tensor:
        """Divided by the zoom: what looks twice as large is half as far away."""
        from fewmask.data.augmentation.geometry import warp_depth

        return warp_depth(warp, truth)

    def errors(self) -> Errors:
        """Absolute and relative errors."""
        return DepthErrors()

    def colours(self, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Near is bright."""
        from matplotlib import colormaps

        from fewmask.data.inspection.sheet import hatched

        known = truth[truth > 0]
        low, high = np.percentile(known, [1, 99]) if known.size else (0, 1)
        share = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
        return hatched(values > 0, 255 * colormaps["magma_r"](share)[..., :3])


def depth_error(predicted: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The summed absolute error where the depth is known, in metres, and how many pixels these are.

    Both float32 (N, H, W), metres; a true depth of 0 is not known.
    """
    known = truth > 0
    return ((predicted.float() - truth).abs() * known).sum(), known.sum()


def depth_squared_error(predicted: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The summed squared error, in square metres; otherwise as `depth_error`."""
    known = truth > 0
    return ((predicted.float() - truth).square() * known).sum(), known.sum()


TASK = Depth()
