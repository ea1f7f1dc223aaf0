"""The bare passes of any objective: what its networks compute in a step, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from benchmarks.bare import Step, bare_step, first_batches
from fewmask.networks.frozen import constant
from fewmask.training.loop import Training


@dataclass(frozen=True)
class Call:
    """A module that a step calls, and how."""

    module: nn.Module
    arguments: tuple[Any, ...]
    """Those of the step, cut off from what they were computed from."""
    has_gradient: bool
    """Whether a gradient passes through it."""
    is_constant: bool
    """Whether this gradient reaches none of its own parameters."""
    mode: bool
    """Whether in training mode."""

    def __call__(self) -> Tensor:
        """Repeat it: the mean of all its outputs."""
        if self.module.training != self.mode:
            self.module.train(self.mode)
        module = constant(self.module) if self.is_constant else self.module
        with torch.set_grad_enabled(self.has_gradient):
            outputs = tree_leaves(module(*self.arguments))
        return sum(one.float().mean() for one in outputs)


def passes(training: Training) -> Step:
    """Every call of a network, or of a part of one, in a step of the objective, on the same inputs;
    one backward pass and an update. Losses are the means of all outputs."""
    objective, batches = deepcopy(training.objective), first_batches(training)
    objective.train()
    with _recorded(objective) as calls, training.runtime.autocast():
        objective.losses(batches, 0)

    def losses() -> list[Tensor]:
        means = [call() for call in calls]
        return [sum(one for one in means if one.requires_grad)]

    return bare_step(training, objective, losses)


@contextmanager
def _recorded(objective: nn.Module) -> Iterator[list[Call]]:
    """The outermost calls of its modules, in their order."""
    calls: list[Call] = []
    depth = 0

    def before(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        nonlocal depth
        depth += 1
        if depth == 1 and next(module.parameters(), None) is not None:
            cut = tree_map_only(
                Tensor, lambda one: one.detach().requires_grad_(one.requires_grad), arguments
            )
            # What is in evaluation mode does not learn: its gradient is the direction of noise.
            learns = module.training and any(one.requires_grad for one in module.parameters())
            has_gradient = torch.is_grad_enabled()
            is_constant = has_gradient and not learns
            calls.append(Call(module, cut, has_gradient, is_constant, module.training))

    def after(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    hooks = [
        hook
        for module in objective.modules()
        if module is not objective
        for hook in (
            module.register_forward_pre_hook(before),
            module.register_forward_hook(after),
        )
    ]
    yield calls
    for hook in hooks:
        hook.remove()
