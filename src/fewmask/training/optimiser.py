"""Optimisers: torch's, fused, from their settings."""

from collections.abc import Iterable

import torch
from torch import nn

from fewmask.config.optimiser import Adam, AdamW, Optimiser
from fewmask.objectives.parameter_group import ParameterGroup


def build_optimiser(
    settings: Optimiser, parameters: Iterable[nn.Parameter], groups: Iterable[ParameterGroup] = ()
) -> torch.optim.Optimizer:
    """The optimiser that the settings ask for; learning rates are set at every step.

    Args:
        settings: of all parameters, unless their group says otherwise.
        parameters: those of the objective; without gradients they are left out.
        groups: some of them, and others, that are trained differently. ``learning_rate`` of a group
            of the optimiser is its own, where it has one.
    """
    groups = list(groups)
    grouped = {one for group in groups for one in group.parameters}
    rest = [one for one in parameters if one.requires_grad and one not in grouped]
    optimiser = _build(settings, [{"params": rest}])
    for group in groups:
        own = {"learning_rate": group.learning_rate, "weight_decay": group.weight_decay}
        chosen = {name: value for name, value in own.items() if value is not None}
        optimiser.add_param_group({"params": group.parameters, **chosen})
    return optimiser


def set_learning_rates(optimiser: torch.optim.Optimizer, rate: float, factor: float) -> None:
    """Set the rate of every group: its own, or ``rate``, times the schedule's ``factor``."""
    for group in optimiser.param_groups:
        group["lr"] = group.get("learning_rate", rate) * factor


def clip_gradients(
    parameters: Iterable[nn.Parameter], norm: float | None, groups: Iterable[ParameterGroup]
) -> None:
    """Clip the gradients of groups with a norm of their own, and those of all other parameters of
    the objective together to ``norm``, if there is one."""
    apart = [group for group in groups if group.clip_gradient_norm is not None]
    for group in apart:
        nn.utils.clip_grad_norm_(group.parameters, group.clip_gradient_norm)
    if norm is not None:
        clipped = {one for group in apart for one in group.parameters}
        nn.utils.clip_grad_norm_([one for one in parameters if one not in clipped], norm)


def _build(settings: Optimiser, groups: list[dict[str, object]]) -> torch.optim.Optimizer:
    common = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay, "fused": True}
    if isinstance(settings, Adam):
        return torch.optim.Adam(groups, betas=settings.betas, **common)
    if isinstance(settings, AdamW):
        return torch.optim.AdamW(groups, betas=settings.betas, **common)
    return torch.optim.SGD(groups, momentum=settings.momentum, nesterov=settings.nesterov, **common)
