"""The gradient near the mean that is best for the worst-off task.

Bo Liu, Xingchao Liu, Xiaojie Jin, Peter Stone and Qiang Liu: Conflict-averse gradient descent for
multi-task learning. NeurIPS 2021.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from fewmask.objectives.weighting.by_gradients import GradientWeighting
from fewmask.objectives.weighting.cagrad.settings import CAGradSettings

SMOOTHING = 1e-12
"""Added to squared norms, which are at most 1, so that the root has a slope where they vanish."""
TOLERANCE = 1e-4
"""How far above the minimum a solution may lie, where the squared norms sum to 1."""


class CAGrad(GradientWeighting):
    r"""With :math:`g_0` the mean of the tasks' gradients, the update is T times the solution of

    .. math:: \max_d \min_t \, \langle g_t, d \rangle
        \quad \text{where } \lVert d - g_0 \rVert \le c \, \lVert g_0 \rVert ,

    divided by :math:`1 + c^2` where ``rescale`` is set (as in the authors' code, not their paper),
    so that c = 0 is the plain sum of the losses. By duality

    .. math:: d = g_0 + c \, \lVert g_0 \rVert \, \frac{g_w}{\lVert g_w \rVert}, \qquad
        g_w = \sum_t w_t g_t ,

    where w in the simplex (:math:`w \ge 0`, :math:`\sum_t w_t = 1`) minimises the convex
    :math:`\langle g_w, g_0 \rangle + c \, \lVert g_0 \rVert \, \lVert g_w \rVert`.
    """

    def __init__(self, options: CAGradSettings, loss_names: Sequence[str]) -> None:
        super().__init__(loss_names)
        self.c = options.c
        self.divisor = 1 + options.c**2 if options.rescale else 1.0

    def forward(self, gramian: Tensor) -> Tensor:
        scale = gramian.trace()
        if scale == 0:
            return torch.ones_like(gramian[0])
        products = (gramian / scale).numpy()
        radius = self.c * np.sqrt(max(products.mean(), 0.0))  # c times the norm of the mean
        mixture = worst_mixture(products, radius)
        pull = radius / _norm(products, mixture)
        return torch.from_numpy(1 + len(products) * pull * mixture) / self.divisor


def worst_mixture(gramian: np.ndarray, radius: float) -> np.ndarray:
    """The mixture w (T) of tasks for which the best update does least; NaN if it is not found.

    Args:
        gramian: inner products of T gradients, float64 (T, T), of trace 1.
        radius: how far from the mean gradient an update may lie.
    """
    count = len(gramian)
    with_mean = gramian.mean(axis=1)

    def value(mixture: np.ndarray) -> float:
        return mixture @ with_mean + radius * _norm(gramian, mixture)

    def slope(mixture: np.ndarray) -> np.ndarray:
        return with_mean + radius * gramian @ mixture / _norm(gramian, mixture)

    solution = minimize(
        value,
        np.full(count, 1 / count),
        jac=slope,
        method="SLSQP",
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-15, "maxiter": 500},
    )
    mixture = solution.x.clip(0) / solution.x.clip(0).sum()
    # The value is convex: it lies no further above its minimum than this gap.
    gap = slope(mixture) @ mixture - slope(mixture).min()
    return mixture if gap < TOLERANCE else np.full(count, np.nan)


def _norm(gramian: np.ndarray, mixture: np.ndarray) -> float:
    """The norm of the mixture of gradients."""
    return np.sqrt(max(mixture @ gramian @ mixture, 0.0) + SMOOTHING)


build = CAGrad
