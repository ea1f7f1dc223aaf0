"""How good predicted depths and surface normals are, and how they compare with single tasks'.

All figures are pooled: they are those of one image made of the pixels of all test images whose
truth is known. (Public code for NYUv2 averages the figures of batches, which for a median is
another figure.) Where no pixel is known they are NaN.

`delta_m` sums up the figures of several tasks learnt together as one.

Importing this module does not import torch, for the reports have no need of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from fewmask.core.errors import FewmaskError

if TYPE_CHECKING:
    from torch import Tensor

DEPTH_METRICS = {
    "depth_absolute_error": False,
    "depth_relative_error": False,
}
"""What predicted depths are judged by, and whether higher is better: the names of
`DepthErrors.scores`. The absolute error is in metres, the relative one a share of the truth."""

NORMAL_METRICS = {
    "normal_mean_angle": False,
    "normal_median_angle": False,
    "normal_within_11_25": True,
    "normal_within_22_5": True,
    "normal_within_30": True,
}
"""What predicted normals are judged by, and whether higher is better: the names of
`NormalErrors.scores`. Angles are in degrees; the others are shares, in [0, 1], of the pixels whose
angle is smaller than 11.25, 22.5 or 30 degrees."""

TASK_METRICS = DEPTH_METRICS | NORMAL_METRICS

LIMITS = {"normal_within_11_25": 11.25, "normal_within_22_5": 22.5, "normal_within_30": 30}
"""Degrees (Fouhey et al., 2013)."""


class DepthErrors:
    """Errors of depths, that batches of any size can be added to.

    With p the prediction and t > 0 the truth, the absolute error is the mean of |p - t|, the
    relative error that of |p - t| / t.
    """

    def __init__(self) -> None:
        # Of every image the sums of both errors and how many pixels are known, float64 (N, 3).
        # They are left on the device, so that the host need not wait for it.
        self._sums: list[Tensor] = []

    def add(self, prediction: Tensor, truth: Tensor) -> None:
        """Count a batch: both float (N, H, W), metres; 0 in the truth = not known."""
        _expect_same_shape(prediction, truth, dimensions=3)
        known, truth = truth > 0, truth.double()
        absolute = (prediction.double() - truth).abs().masked_fill(~known, 0)
        relative = absolute / truth.masked_fill(~known, 1)
        sums = truth.new_empty(len(truth), 3)
        for column, values in enumerate((absolute, relative, known)):
            sums[:, column] = values.flatten(1).sum(dim=1)
        self._sums.append(sums)

    def scores(self) -> dict[str, float]:
        """The errors of all pixels that were added, by the names of `DEPTH_METRICS`."""
        figures = self._figures(self._of_images().sum(axis=0))
        return {name: float(figure) for name, figure in figures.items()}

    def image_scores(self) -> dict[str, np.ndarray]:
        """The same of every image by itself, float (N,), in the order that they were added."""
        return self._figures(self._of_images())

    def _of_images(self) -> np.ndarray:
        return np.concatenate([np.empty((0, 3)), *(sums.cpu().numpy() for sums in self._sums)])

    @staticmethod
    def _figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore"):
            means = sums[..., :2] / sums[..., 2:]
        return dict(zip(DEPTH_METRICS, np.moveaxis(means, -1, 0), strict=True))


class NormalErrors:
    """Angles between predicted and true normals, that batches of any size can be added to.

    The median is exact: every angle is kept, as float32 in the host's memory. For the 654 test
    images of NYUv2 with 288 x 384 pixels these are at most 0.29 GB, and 0.58 GB in `scores`.
    """

    def __init__(self) -> None:
        self._degrees: list[np.ndarray] = []  # of every image the angles of its known pixels

    def add(self, prediction: Tensor, truth: Tensor) -> None:
        """Count a batch: both float (N, 3, H, W), of any length; 0 in the truth = not known."""
        _expect_same_shape(prediction, truth, dimensions=4)
        degrees = angles(prediction, truth).float().cpu().numpy()
        known = (truth != 0).any(dim=1).cpu().numpy()
        self._degrees += [one[here] for one, here in zip(degrees, known, strict=True)]

    def scores(self) -> dict[str, float]:
        """The figures of all pixels that were added, by the names of `NORMAL_METRICS`."""
        return _figures_of_angles(np.concatenate([np.empty(0, np.float32), *self._degrees]))

    def image_scores(self) -> dict[str, np.ndarray]:
        """The same of every image by itself, float (N,), in the order that they were added."""
        figures = [_figures_of_angles(degrees.copy()) for degrees in self._degrees]
        return {name: np.array([one[name] for one in figures]) for name in NORMAL_METRICS}


def angles(prediction: Tensor, truth: Tensor) -> Tensor:
    """The angles between vectors of any length, float (N, 3, H, W) -> float64 (N, H, W), degrees.

    They are in [0, 180]; 90 where either vector is 0.
    """
    # In float64, for near 1 the arc-cosine makes hundredths of a degree of float32's last bit.
    cosine = (_unit(prediction.double()) * _unit(truth.double())).sum(dim=1)
    return cosine.clamp(-1, 1).acos().rad2deg()


def delta_m(
    figures: Mapping[str, float],
    baselines: Mapping[str, float],
    higher_is_better: Mapping[str, bool],
) -> float:
    """How much worse than single tasks the tasks are that were learnt together, in per cent.

    With M a figure, B its baseline, and l = 1 where higher is better, else 0, it is the mean over
    the figures, each counting the same, of (Maninis et al., 2019, with Navon et al.'s sign, 2022)

        100 (-1)^l (M - B) / B

    Lower is better, and below 0 better than single tasks. NaN if a figure is.

    Args:
        figures: of the tasks learnt together, by their metric's name.
        baselines: the same figures of each task learnt alone.
        higher_is_better: the direction of these metrics, and perhaps of others.

    Raises:
        FewmaskError: there are no figures, a baseline is missing or is 0.
    """
    if not figures or set(figures) != set(baselines):
        raise FewmaskError(
            "delta_m compares each figure with its baseline\n"
            f"  figures: {', '.join(sorted(figures)) or 'none'}\n"
            f"  baselines: {', '.join(sorted(baselines)) or 'none'}\n"
            "  mend: give the same metrics of both"
        )
    changes = []
    for name, figure in figures.items():
        baseline = baselines[name]
        if baseline == 0:
            raise FewmaskError(
                f"delta_m: the baseline of {name} is 0, so that no change can be relative to it\n"
                f"  mend: leave {name} out, or train the baseline for longer"
            )
        sign = -1 if higher_is_better[name] else 1
        changes.append(100 * sign * (figure - baseline) / baseline)
    return float(np.mean(changes))


def _figures_of_angles(degrees: np.ndarray) -> dict[str, float]:
    """The figures of `NORMAL_METRICS` of angles (M,), whose order is lost."""
    if not len(degrees):
        return dict.fromkeys(NORMAL_METRICS, np.nan)
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


def _expect_same_shape(prediction: Tensor, truth: Tensor, dimensions: int) -> None:
    """Without it one would be stretched over the other, (N, 1, H, W) over (N, H, W) for one."""
    if prediction.shape != truth.shape or truth.ndim != dimensions:
        shapes = tuple(prediction.shape), tuple(truth.shape)
        raise ValueError(f"prediction and truth of {dimensions} dimensions expected, not {shapes}")
