"""Heights: how high above the floor every pixel is, in metres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from fewmask.config.task import Task, TaskSettings
from fewmask.metrics.errors import Errors
from fewmask.metrics.segmentation import ratio
from fewmask.metrics.table import Metric, register

if TYPE_CHECKING:
    from torch import Tensor

    from fewmask.data.augmentation.warp import Warp

METRIC = "height_absolute_error"

register(
    Metric(
        METRIC, "Height abs. error", "m", False, ("validation", "test"), "height", in_delta_m=True
    )
)


class HeightSettings(TaskSettings):
    """Learn heights, where they are known."""

    name: Literal["height"] = "height"


class Height(Task):
    """Heights, float32 (H, W), metres; -1 = not known, for the floor has 0."""

    name = field = "height"
    settings = HeightSettings
    unknown = -1
    title = "heights above the floor"
    judged_by = METRIC
    legend = "Height above the floor: high is bright, on the scale of the image's truth."

    def output(self, maps: Tensor) -> dict[str, Tensor]:
        """Heights, float32 (N, H, W), metres."""
        return {self.name: maps[:, 0].float()}

    def error(
        self, outputs: dict[str, Tensor], truth: Tensor, settings: HeightSettings
    ) -> tuple[Tensor, Tensor]:
        """The absolute error, in metres."""
        known = truth >= 0
        return ((outputs[self.name].float() - truth).abs() * known).sum(), known.sum()

    def warped(self, warp: Warp, truth: Tensor) -> Tensor:
        """Divided by the zoom, as depths are: a room that is shown larger is smaller."""
        from fewmask.data.augmentation.geometry import zoom

        if warp.is_identity:
            return truth
        moved = warp.masks(truth, outside=self.unknown)
        return (moved / zoom(warp)[:, None, None]).masked_fill(moved < 0, self.unknown)

    def errors(self) -> Errors:
        """The mean absolute error."""
        return HeightErrors()

    def colours(self, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """High is bright."""
        from matplotlib import colormaps

        from fewmask.data.inspection.sheet import hatched

        share = np.clip(values / max(float(truth.max()), 1e-6), 0, 1)
        return hatched(values != self.unknown, 255 * colormaps["viridis"](share)[..., :3])


class HeightErrors(Errors):
    """The mean of |p - t| over the pixels whose true height is known."""

    def __init__(self) -> None:
        self._sums: list[tuple[float, int]] = []  # of every image the error, and the known pixels

    def add(self, prediction: Tensor, truth: Tensor) -> None:
        """Add a batch: both float (N, H, W), metres; below 0 in the truth = not known."""
        known = truth >= 0
        error = (prediction.double() - truth).abs().masked_fill(~known, 0)
        sums = error.flatten(1).sum(dim=1), known.flatten(1).sum(dim=1)
        self._sums += zip(*(one.tolist() for one in sums), strict=True)

    def join(self, parts: int) -> None:
        """Make one image of parts: their errors add up."""
        errors, pixels = zip(*self._sums[-parts:], strict=True)
        self._sums[-parts:] = [(sum(errors), sum(pixels))]

    def scores(self) -> dict[str, float]:
        """The error of all pixels that were added."""
        total, pixels = np.array(self._sums).reshape(-1, 2).sum(axis=0)
        return {METRIC: float(ratio(total, pixels))}

    def image_scores(self) -> dict[str, np.ndarray]:
        """The error of every image."""
        total, pixels = np.array(self._sums).reshape(-1, 2).T
        return {METRIC: ratio(total, pixels)}


TASK = Height()
