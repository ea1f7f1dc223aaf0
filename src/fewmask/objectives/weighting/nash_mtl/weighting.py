"""Weights as the outcome of a bargain between the tasks.

Aviv Navon, Aviv Shamsian, Idan Achituve, Haggai Maron, Kenji Kawaguchi, Gal Chechik and Ethan
Fetaya: Multi-task learning as a bargaining game. ICML 2022.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fewmask.objectives.objective import Objective
from fewmask.objectives.weighting.by_gradients import GradientWeighting
from fewmask.objectives.weighting.nash_mtl.settings import NashMTLSettings
from fewmask.objectives.weighting.weighting import Losses

MAX_STEPS = 100
TOLERANCE = 1e-6
"""Of the Newton decrement, which bounds the relative error of every weight."""
MAX_CANCELLATION = 1e5
"""Gradients that cancel one another to one part in so many have no common direction: what is left
of them in 64 bits is noise."""


class NashMTL(GradientWeighting):
    r"""With G the matrix of the tasks' gradients on the shared parameters, one in a column, the
    weights :math:`\alpha > 0` solve

    .. math:: G^\top G \, \alpha = 1 / \alpha .

    A task's own parameters get its gradient times its weight. The gradient of the shared
    parameters is clipped to the norm ``max_norm``.
    """

    def __init__(self, options: NashMTLSettings, loss_names: Sequence[str]) -> None:
        super().__init__(loss_names)
        self.update_weights_every = options.update_weights_every
        self.max_norm = options.max_norm

    def forward(self, gramian: Tensor) -> Tensor:
        """The bargain of the tasks that have a gradient; it has none for the others."""
        weights = torch.full((len(gramian),), torch.nan, dtype=gramian.dtype)
        # Weights are inverse to the gradients' norms: below this they overflow 32 bits.
        bargain = gramian.diagonal() > torch.finfo(torch.float32).tiny
        weights[bargain] = nash_bargain(gramian[bargain][:, bargain])
        return weights

    def own_weights(self) -> Tensor:
        return self.weights

    def backward(
        self, losses: Losses, objective: Objective, scaler: torch.amp.GradScaler, step: int
    ) -> Losses:
        if self.overdue or step % self.update_weights_every == 0:
            values = super().backward(losses, objective, scaler, step)
        else:
            loss = self.weighted(losses)
            self.backpropagate(loss + sum(self.apart(losses)), objective, scaler)
            values = self.step_values(loss, losses, self.weights)
        if self.max_norm is not None:
            norm = self.max_norm * scaler.get_scale()
            shared = [objective.get_parameter(name) for name in self.shared]
            torch.nn.utils.clip_grad_norm_(shared, norm)
        return values


def nash_bargain(gramian: Tensor) -> Tensor:
    r"""The weights :math:`\alpha > 0` with :math:`K \alpha = 1 / \alpha`; NaN if there are none.

    They are the minimum of the strictly convex
    :math:`\frac12 \alpha^\top K \alpha - \sum_t \log \alpha_t`. It is self-concordant, so Newton
    steps divided by one plus their length in the norm of the Hessian (the decrement) never leave
    the positive weights and always lead to the minimum (Nesterov and Nemirovskii 1994; Boyd and
    Vandenberghe 2004, 9.6); near it whole steps square the error. There is no minimum, and the
    weights grow without end, where gradients cancel one another.

    Args:
        gramian: K, the inner products of T gradients, float64 (T, T), its diagonal above 0.
    """
    # Gradients scaled to norm 1: weights of order 1, whatever the scale of the losses.
    norms = gramian.diagonal().sqrt()
    cosines = gramian / norms / norms[:, None]
    weights = torch.ones_like(norms)
    for _ in range(MAX_STEPS):
        slope = cosines @ weights - 1 / weights
        hessian = cosines + torch.diag(weights**-2)
        direction = -torch.linalg.solve(hessian, slope)
        decrement = (-slope @ direction).clamp(min=0).sqrt()
        weights = weights + direction / (1 + decrement if decrement > 0.25 else 1)
        if decrement < TOLERANCE:
            return weights / norms
        if weights.max() > MAX_CANCELLATION:
            break
    return torch.full_like(norms, torch.nan)


build = NashMTL
