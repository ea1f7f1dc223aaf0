"""Weights learned as uncertainties.

Alex Kendall, Yarin Gal and Roberto Cipolla: Multi-task learning using uncertainty to weigh losses
for scene geometry and semantics. CVPR 2018.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fewmask.objectives.parameter_group import ParameterGroup
from fewmask.objectives.weighting.by_losses import LossWeighting
from fewmask.objectives.weighting.uncertainty.settings import UncertaintySettings


class Uncertainty(LossWeighting):
    r"""Weights :math:`\frac12 e^{-s_t}`, where :math:`s_t` is the log-variance of task t.

    What is minimised, over the network and over :math:`s`, is

    .. math:: \frac12 \sum_t \left( e^{-s_t} L_t + s_t \right) .

    For losses that do not change the minimum lies at :math:`s_t = \log L_t`.
    """

    def __init__(self, settings: UncertaintySettings, loss_names: Sequence[str]) -> None:
        super().__init__(loss_names)
        self.learning_rate = settings.learning_rate
        start = torch.full((len(loss_names),), settings.initial_log_variance)
        self.log_variances = nn.Parameter(start)

    def forward(self, losses: Tensor, step: int) -> Tensor:
        return 0.5 * torch.exp(-self.log_variances)

    def penalty(self) -> Tensor:
        return 0.5 * self.log_variances.sum()

    def parameter_groups(self) -> list[ParameterGroup]:
        """The log-variances; without weight decay, which would draw all weights to a half."""
        return [
            ParameterGroup([self.log_variances], learning_rate=self.learning_rate, weight_decay=0.0)
        ]


build = Uncertainty
