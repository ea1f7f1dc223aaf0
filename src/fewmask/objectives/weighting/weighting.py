"""What every weighting is to the training loop."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module

import torch
from torch import Tensor, nn

from fewmask.config.weighting import WeightingSettings
from fewmask.core.parallel import add_up
from fewmask.objectives.objective import Objective
from fewmask.objectives.parameter_group import ParameterGroup

Losses = dict[str, Tensor]


class Weighting(nn.Module, ABC):
    """From the losses of a step to the gradients of its update.

    It is a module, so a checkpoint of it holds what it has learnt and remembers.
    """

    constant = False
    """Whether the weights are the same at every step, so that the history need not tell them."""

    def __init__(self, loss_names: Sequence[str]) -> None:
        super().__init__()
        self.loss_names = tuple(loss_names)

    @abstractmethod
    def backward(
        self, losses: Losses, objective: Objective, scaler: torch.amp.GradScaler, step: int
    ) -> Losses:
        """Add the gradients, times the scaler's scale, to the parameters' ``grad``.

        ``losses`` are scalars by name. Those that it does not weigh have weight 1, and are none of
        the tasks that it balances. Returns the values of the step for the history: ``loss``, the
        weighted sum without them; the losses; and, unless it is constant, the ``weight_...`` of
        each loss that is weighed.
        """

    def backpropagate(
        self, loss: Tensor, objective: Objective, scaler: torch.amp.GradScaler
    ) -> None:
        """Add the gradients of one loss, those of all processes, to the parameters' ``grad``."""
        scaler.scale(loss).backward()
        add_up(parameter.grad for parameter in objective.parameters())

    def parameter_groups(self) -> list[ParameterGroup]:
        """What it learns."""
        return []

    def ordered(self, losses: Losses) -> list[Tensor]:
        """The losses that it weighs, in the order of the weights."""
        if not set(losses) >= set(self.loss_names):
            raise ValueError(
                f"the objective's losses are {', '.join(losses)}; its settings say "
                f"{', '.join(self.loss_names)}"
            )
        return [losses[name] for name in self.loss_names]

    def apart(self, losses: Losses) -> list[Tensor]:
        """The losses that it does not weigh, such as that of a discriminator."""
        return [loss for name, loss in losses.items() if name not in self.loss_names]

    def step_values(self, loss: Tensor, losses: Losses, weights: Tensor) -> Losses:
        """What ``backward`` returns; ``weights`` (T) in their order."""
        by_name = {} if self.constant else dict(zip(self.loss_names, weights, strict=True))
        return {"loss": loss, **losses, **{f"weight_{name}": one for name, one in by_name.items()}}


def build(options: WeightingSettings, loss_names: Sequence[str]) -> Weighting:
    """The weighting that settings name, of losses that are called and ordered as ``loss_names``."""
    module = import_module(f"fewmask.objectives.weighting.{options.name}.weighting")
    return module.build(options, loss_names)
