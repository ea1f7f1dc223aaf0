"""Weightings that look at every task's gradient: one backward pass for each loss."""

import math
import sys
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fewmask.core.parallel import add_up
from fewmask.objectives.objective import Objective
from fewmask.objectives.weighting.weighting import Losses, Weighting

Gradient = tuple[Tensor | None, ...]
"""Of one loss: for each parameter, or None where the loss does not depend on it."""

ByTask = tuple[Tensor | None, ...]
"""Of one parameter: its gradient of each loss, or None likewise."""

PART = 2**16
"""How many values of a gradient a processor takes at a time, so that they stay in its cache."""


class GradientWeighting(Weighting):
    """Maps the inner products of T tasks' gradients on the shared parameters to T weights.

    Shared are the parameters that two losses or more reach, as automatic differentiation finds
    them. They get the sum of the tasks' gradients by these weights, each task's own parameters
    those of ``own_weights``.
    """

    def __init__(self, loss_names: Sequence[str]) -> None:
        super().__init__(loss_names)
        self.register_buffer("weights", torch.ones(len(loss_names)))
        self.register_buffer("kept", torch.tensor(0.0))
        self.shared: list[str] = []
        """The names of the shared parameters in the objective."""
        self.times_kept = 0
        self.overdue = False
        """Whether the last gradients overflowed, so that they gave no weights."""

    @abstractmethod
    def forward(self, gramian: Tensor) -> Tensor:
        """Weights (T) by the inner products of the gradients (T, T), in 64 bits on the CPU.

        NaN for a task that it finds no weight for: such a task keeps the one that it has.
        """

    def get_extra_state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("shared", "times_kept", "overdue")}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def own_weights(self) -> Tensor:
        """Weights (T) for parameters that are not shared: the plain sum."""
        return torch.ones_like(self.weights)

    def backward(
        self, losses: Losses, objective: Objective, scaler: torch.amp.GradScaler, step: int
    ) -> Losses:
        trained = {name: one for name, one in objective.named_parameters() if one.requires_grad}
        tasks, apart = self.ordered(losses), self.apart(losses)
        gradients = task_gradients(scaler.scale([*tasks, *apart]), [*trained.values()])
        by_name = dict(zip(trained, zip(*gradients, strict=True), strict=True))
        self.shared = [name for name, by_task in by_name.items() if _is_shared(by_task)]
        # The weights are those of the true gradients: Nash-MTL's depend on their scale.
        shared = [by_name[name][: len(tasks)] for name in self.shared]
        products = gramian(shared, len(tasks))
        self._weigh(products / scaler.get_scale() ** 2, step)
        by_kind = {True: self.weights, False: self.own_weights()}
        weights = {kind: one.tolist() + [1.0] * len(apart) for kind, one in by_kind.items()}
        for name, by_task in by_name.items():
            add_weighted(trained[name], by_task, weights[_is_shared(by_task)])
        return self.step_values(self.weighted(losses), losses, self.weights)

    def step_values(self, loss: Tensor, losses: Losses, weights: Tensor) -> Losses:
        """Also ``weights_kept``: 1 where the method found no weight for some task, else 0."""
        return super().step_values(loss, losses, weights) | {"weights_kept": self.kept}

    def weighted(self, losses: Losses) -> Tensor:
        """The sum of the losses by the present weights."""
        return (self.weights * torch.stack(self.ordered(losses))).sum()

    def _weigh(self, products: Tensor, step: int) -> None:
        """Set the weights by the inner products; say so where there is none for some task."""
        # In fp16 the scaler leaves such a step out; else the loop stops at what comes of it.
        self.overdue = not bool(products.isfinite().all())
        if self.overdue:
            return
        weights = self(products)
        missing = [name for name, one in zip(self.loss_names, weights, strict=True) if one.isnan()]
        weights = weights.to(self.weights)
        self.weights = torch.where(weights.isnan(), self.weights, weights)
        self.kept = self.kept.new_tensor(float(bool(missing)))
        if missing:
            self._tell(missing, step)

    def _tell(self, names: list[str], step: int) -> None:
        """Say the 1st, 10th, 100th ... time that weights were kept; the history has them all."""
        self.times_kept += 1
        if math.log10(self.times_kept).is_integer():
            print(
                f"step {step}: {type(self).__name__} finds no weight for {', '.join(names)}, whose "
                f"gradients are zero or cancel one another: the last weight is kept "
                f"(time {self.times_kept}; weights_kept in history.csv tells how often)",
                file=sys.stderr,
            )


def _is_shared(by_task: ByTask) -> bool:
    """Whether at least two losses reach a parameter."""
    return sum(gradient is not None for gradient in by_task) > 1


def task_gradients(losses: Sequence[Tensor], parameters: Sequence[nn.Parameter]) -> list[Gradient]:
    """The gradient of every loss on the parameters, by one backward pass for each loss.

    The losses' graph is gone afterwards.
    """
    last = len(losses) - 1
    gradients = [
        torch.autograd.grad(loss, parameters, retain_graph=i < last, allow_unused=True)
        if loss.requires_grad
        else (None,) * len(parameters)
        for i, loss in enumerate(losses)
    ]
    for of_loss in gradients:
        add_up(of_loss)
    return gradients


def gramian(gradients: Iterable[ByTask], tasks: int) -> Tensor:
    """The inner products of T tasks' gradients, given parameter by parameter, float64 (T, T) on the
    CPU.

    In 64 bits, part by part: nearly parallel gradients differ by what 32 bits, or the fewer of
    TensorFloat-32, would round away.
    """
    products = []
    for by_task in gradients:
        reached = next((gradient for gradient in by_task if gradient is not None), None)
        if reached is not None:
            zero = torch.zeros_like(reached)
            rows = [_flat(zero if one is None else one, reached) for one in by_task]
            length = PART if reached.device.type == "cpu" else reached.numel()
            for part in zip(*(row.split(length) for row in rows), strict=True):
                part = torch.stack(part).double()
                products.append(part @ part.T)
    if not products:
        return torch.zeros(tasks, tasks, dtype=torch.float64)
    return torch.stack(products).sum(dim=0).cpu()


def _flat(gradient: Tensor, like: Tensor) -> Tensor:
    """The values of a gradient in the order in which those of ``like`` lie in memory: for one that
    lies there likewise, channels last or not, a view."""
    order = sorted(range(like.ndim), key=like.stride, reverse=True)
    return gradient.permute(order).flatten()


def add_weighted(parameter: nn.Parameter, by_task: ByTask, weights: Sequence[float]) -> None:
    """Add to ``grad`` of a parameter the weighted sum of its gradients."""
    for weight, gradient in zip(weights, by_task, strict=True):
        if gradient is None:
            continue
        if parameter.grad is None:
            # Like the parameter in memory: fused optimisers on a CPU do not look at strides.
            parameter.grad = torch.zeros_like(parameter)
        parameter.grad.add_(gradient, alpha=weight)
