"""Weightings that look at the losses alone: one backward pass through their weighted sum."""

from abc import abstractmethod

import torch
from torch import Tensor

from fewmask.objectives.objective import Objective
from fewmask.objectives.weighting.weighting import Losses, Weighting


class LossWeighting(Weighting):
    """Maps T losses to T weights."""

    @abstractmethod
    def forward(self, losses: Tensor, step: int) -> Tensor:
        """Weights (T) of the losses (T, without gradients), which are those of ``step``."""

    def penalty(self) -> Tensor | float:
        """What is added to the weighted sum so that weights can be learnt."""
        return 0.0

    def backward(
        self, losses: Losses, objective: Objective, scaler: torch.amp.GradScaler, step: int
    ) -> Losses:
        values = torch.stack(self.ordered(losses))
        weights = self(values.detach(), step)
        loss = (weights * values).sum() + self.penalty()
        self.backpropagate(loss + sum(self.apart(losses)), objective, scaler)
        return self.step_values(loss, losses, weights)
