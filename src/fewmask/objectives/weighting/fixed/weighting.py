"""Weights that are set once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fewmask.objectives.weighting.by_losses import LossWeighting
from fewmask.objectives.weighting.fixed.settings import FixedSettings


class Fixed(LossWeighting):
    """The sum of the losses, each times a fixed weight."""

    constant = True

    def __init__(self, settings: FixedSettings, loss_names: Sequence[str]) -> None:
        super().__init__(loss_names)
        weights = torch.tensor([settings.weights.get(name, 1.0) for name in loss_names])
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, losses: Tensor, step: int) -> Tensor:
        return self.weights


build = Fixed
