"""How good predicted depths are.

The errors are pooled: they are those of one image made of the pixels of all test images whose truth
is known. (Public code for NYUv2 averages the errors of batches.) Where no pixel is known they are
NaN. Importing this module does not import torch, for the reports have no need of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fewmask.metrics.errors import Errors
from fewmask.metrics.shapes import expect_same_shape
from fewmask.metrics.table import Metric, register

if TYPE_CHECKING:
    from torch import Tensor

MEASURED_ON = ("validation", "test")

register(
    Metric(
        "depth_absolute_error",
        "Depth abs. error",
        "m",
        False,
        MEASURED_ON,
        "depth",
        in_delta_m=True,
    ),
    Metric(
        "depth_relative_error", "Depth rel. error", "", False, MEASURED_ON, "depth", in_delta_m=True
    ),
)

NAMES = ("depth_absolute_error", "depth_relative_error")
"""In metres, and as a share of the truth."""


class DepthErrors(Errors):
    """Errors of depths, that batches of any size can be added to.

    With p the prediction and t > 0 the truth, the absolute error is the mean of |p - t|, the
    relative error that of |p - t| / t.
    """

    def __init__(self) -> None:
        # Of every image the sums of both errors and how many pixels are known, float64 (N, 3).
        # They are left on the device, so that the host need not wait for it.
        self._sums: list[Tensor] = []

    def add(self, prediction: Tensor, truth: Tensor) -> None:
        """Add a batch: both float (N, H, W), metres; 0 in the truth = not known."""
        expect_same_shape(prediction, truth, dimensions=3)
        known, truth = truth > 0, truth.double()
        absolute = (prediction.double() - truth).abs().masked_fill(~known, 0)
        relative = absolute / truth.masked_fill(~known, 1)
        sums = truth.new_empty(len(truth), 3)
        for column, values in enumerate((absolute, relative, known)):
            sums[:, column] = values.flatten(1).sum(dim=1)
        self._sums.append(sums)

    def join(self, parts: int) -> None:
        """Make one image of parts: their errors add up."""
        self._sums[-parts:] = [sum(self._sums[-parts:])]

    def scores(self) -> dict[str, float]:
        """The errors of all pixels that were added, by the names of `NAMES`."""
        errors = self._errors(self._of_images().sum(axis=0))
        return {name: float(error) for name, error in errors.items()}

    def image_scores(self) -> dict[str, np.ndarray]:
        """The same of every image by itself, float (N,), in the order that they were added."""
        return self._errors(self._of_images())

    def _of_images(self) -> np.ndarray:
        return np.concatenate([np.empty((0, 3)), *(sums.cpu().numpy() for sums in self._sums)])

    @staticmethod
    def _errors(sums: np.ndarray) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore"):
            means = sums[..., :2] / sums[..., 2:]
        return dict(zip(NAMES, np.moveaxis(means, -1, 0), strict=True))
