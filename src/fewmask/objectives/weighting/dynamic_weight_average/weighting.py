"""Weights by how fast the losses fall.

Shikun Liu, Edward Johns and Andrew J. Davison: End-to-end multi-task learning with attention.
CVPR 2019, section 3.2.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fewmask.objectives.weighting.by_losses import LossWeighting
from fewmask.objectives.weighting.dynamic_weight_average.settings import (
    DynamicWeightAverageSettings,
)


class DynamicWeightAverage(LossWeighting):
    r"""With :math:`\bar L_t(p)` the mean of loss t in period p, the weights in period p are

    .. math::
        \lambda_t = T \, \frac{e^{r_t / \tau}}{\sum_u e^{r_u / \tau}}, \qquad
        r_t = \frac{\bar L_t(p - 1)}{\bar L_t(p - 2)},

    :math:`\tau` the temperature. They are 1 in the first two periods. The paper's period is an
    epoch. A loss that was 0 in period p - 2 counts as one that has not changed.
    """

    def __init__(self, options: DynamicWeightAverageSettings, loss_names: Sequence[str]) -> None:
        super().__init__(loss_names)
        self.temperature = options.temperature
        self.period = int(options.period)  # in steps by now
        for name in ("weights", "before_last", "last", "current"):
            self.register_buffer(name, torch.ones(len(loss_names)))

    def forward(self, losses: Tensor, step: int) -> Tensor:
        if step % self.period == 0:
            self._begin_period(step // self.period)
        self.current = self.current + losses / self.period
        return self.weights

    def _begin_period(self, period: int) -> None:
        self.before_last, self.last = self.last, self.current
        self.current = torch.zeros_like(self.current)
        if period >= 2:
            ratios = self.last / self.before_last
            ratios = torch.where(self.before_last == 0, 1.0, ratios)
            self.weights = len(ratios) * torch.softmax(ratios / self.temperature, dim=0)


build = DynamicWeightAverage
