"""How good predicted surface normals are: the angles between them and the true ones.

The metrics are pooled: they are those of one image made of the pixels of all test images whose
truth is known. (Public code for NYUv2 averages the metrics of batches, which for a median is
another value.) Where no pixel is known they are NaN. Importing this module does not import torch,
for the reports have no need of it.
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
        "normal_mean_angle", "Normal mean angle", "°", False, MEASURED_ON, "normal", in_delta_m=True
    ),
    Metric(
        "normal_median_angle",
        "Normal median angle",
        "°",
        False,
        MEASURED_ON,
        "normal",
        in_delta_m=True,
    ),
    Metric(
        "normal_within_11_25", "Normals < 11.25°", "%", True, MEASURED_ON, "normal", in_delta_m=True
    ),
    Metric(
        "normal_within_22_5", "Normals < 22.5°", "%", True, MEASURED_ON, "normal", in_delta_m=True
    ),
    Metric("normal_within_30", "Normals < 30°", "%", True, MEASURED_ON, "normal", in_delta_m=True),
)

LIMITS = {"normal_within_11_25": 11.25, "normal_within_22_5": 22.5, "normal_within_30": 30}
"""Degrees (Fouhey et al., 2013): shares of the pixels whose angle is smaller."""

NAMES = ("normal_mean_angle", "normal_median_angle", *LIMITS)


class NormalErrors(Errors):
    """Angles between predicted and true normals, that batches of any size can be added to.

    The median is exact: every angle is kept, as float32 in the host's memory. For the 654 test
    images of NYUv2 with 288 x 384 pixels these are at most 0.29 GB, and 0.58 GB in `scores`.
    """

    def __init__(self) -> None:
        self._degrees: list[np.ndarray] = []  # of every image the angles of its known pixels

    def add(self, prediction: Tensor, truth: Tensor) -> None:
        """Add a batch: both float (N, 3, H, W), of any length; 0 in the truth = not known."""
        expect_same_shape(prediction, truth, dimensions=4)
        degrees = angles(prediction, truth).float().cpu().numpy()
        known = (truth != 0).any(dim=1).cpu().numpy()
        self._degrees += [one[here] for one, here in zip(degrees, known, strict=True)]

    def join(self, parts: int) -> None:
        """Make one image of parts: it has the angles of all."""
        self._degrees[-parts:] = [np.concatenate(self._degrees[-parts:])]

    def scores(self) -> dict[str, float]:
        """The metrics of all pixels that were added, by the names of `NAMES`."""
        return _metrics_of_angles(np.concatenate([np.empty(0, np.float32), *self._degrees]))

    def image_scores(self) -> dict[str, np.ndarray]:
        """The same of every image by itself, float (N,), in the order that they were added."""
        metrics = [_metrics_of_angles(degrees.copy()) for degrees in self._degrees]
        return {name: np.array([one[name] for one in metrics]) for name in NAMES}


def angles(prediction: Tensor, truth: Tensor) -> Tensor:
    """The angles between vectors of any length, float (N, 3, H, W) -> float64 (N, H, W), degrees.

    They are in [0, 180]; 90 where either vector is 0.
    """
    # In float64, for near 1 the arc-cosine makes hundredths of a degree of float32's last bit.
    cosine = (_unit(prediction.double()) * _unit(truth.double())).sum(dim=1)
    return cosine.clamp(-1, 1).acos().rad2deg()


def _metrics_of_angles(degrees: np.ndarray) -> dict[str, float]:
    """The metrics of `NAMES` of angles (M,), whose order is lost."""
    if not len(degrees):
        return dict.fromkeys(NAMES, np.nan)
    shares = {name: float((degrees < limit).mean()) for name, limit in LIMITS.items()}
    return {
        "normal_mean_angle": float(degrees.mean(dtype=np.float64)),
        "normal_median_angle": float(np.median(degrees, overwrite_input=True)),
        **shares,
    }


def _unit(vectors: Tensor) -> Tensor:
    """Vectors (N, 3, H, W) of length 1; what is 0 stays 0."""
    length = vectors.norm(dim=1, keepdim=True)
    return vectors / length.masked_fill(length == 0, 1)
