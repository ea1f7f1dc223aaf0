"""Gradients without their conflicts.

Tianhe Yu, Saurabh Kumar, Abhishek Gupta, Sergey Levine, Karol Hausman and Chelsea Finn: Gradient
surgery for multi-task learning. NeurIPS 2020, algorithm 1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fewmask.objectives.weighting.by_gradients import GradientWeighting
from fewmask.objectives.weighting.pcgrad.settings import PCGradSettings


class PCGrad(GradientWeighting):
    r"""Each task's gradient is projected, one after the other and in random order, onto the normal
    plane of every other task's gradient that it conflicts with:

    .. math::
        g_i \leftarrow g_i - \frac{\langle g_i, g_j \rangle}{\lVert g_j \rVert^2} \, g_j
        \quad \text{if } \langle g_i, g_j \rangle < 0 ;

    the update is their sum. A projected gradient is a weighted sum of the tasks' gradients, so the
    weights follow from their inner products. The order comes from torch's generator.
    """

    def __init__(self, options: PCGradSettings, loss_names: Sequence[str]) -> None:
        super().__init__(loss_names)

    def forward(self, gramian: Tensor) -> Tensor:
        projected = torch.eye(len(gramian), dtype=gramian.dtype)  # row i: g_i in terms of all
        for i, row in enumerate(projected):
            for j in torch.randperm(len(gramian)).tolist():
                product = row @ gramian[j]
                if j != i and product < 0:
                    row[j] -= product / gramian[j, j]
        return projected.sum(dim=0)


build = PCGrad
