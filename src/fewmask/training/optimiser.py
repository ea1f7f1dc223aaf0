"""The optimisers of a training: torch's, fused, from their settings."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from fewmask.config.optimiser import Adam, AdamW, Optimiser
from fewmask.config.stage import TrainingSettings
from fewmask.networks.encoder_layers import layer_scales
from fewmask.objectives.objective import Objective
from fewmask.objectives.parameter_group import ParameterGroup

Factors = dict[nn.Parameter, float]
"""What the learning rates of some parameters are multiplied with."""


class Optimisers:
    """Updates all parameters of a training: one optimiser for each kind of settings.

    The stage's settings are those of all parameters, unless their group says otherwise.
    """

    def __init__(
        self, stage: TrainingSettings, objective: Objective, groups: Sequence[ParameterGroup]
    ) -> None:
        """Leave out the parameters that need no gradient.

        Args:
            stage: has the settings.
            objective: owns the parameters that are trained.
            groups: some of them, and others, that are trained differently.
        """
        self.groups, self.clip_norm = groups, stage.clip_gradient_norm
        self.parameters = list(objective.parameters())
        grouped = {one for group in groups for one in group.parameters}
        rest = ParameterGroup([one for one in self.parameters if one not in grouped])
        by_settings: dict[Optimiser, list[dict[str, Any]]] = {}
        for group in (rest, *groups):
            settings = group.optimiser or stage.optimiser
            split = _split(group, settings, _rate_factors(stage, objective))
            by_settings.setdefault(settings, []).extend(split)
        self.optimisers = [_build(*one) for one in by_settings.items() if one[1]]

    def set_learning_rates(self, factor: float) -> None:
        """Set every rate to its base value times the schedule's ``factor``."""
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["learning_rate"] * factor

    def zero_grad(self) -> None:
        """Forget the gradients of the last step."""
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)

    def step(self, scaler: torch.amp.GradScaler) -> None:
        """Clip the gradients, which are scaled, and update the parameters."""
        reached = [one for one in self.optimisers if _has_gradients(one)]
        if self.clip_norm or any(group.clip_gradient_norm for group in self.groups):
            for optimiser in reached:
                scaler.unscale_(optimiser)
            self._clip()
        for optimiser in reached:
            scaler.step(optimiser)
        scaler.update()

    def state_dict(self) -> list[dict[str, Any]]:
        """The state of each optimiser."""
        return [one.state_dict() for one in self.optimisers]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Go on with what `state_dict` returned."""
        for optimiser, state in zip(self.optimisers, states, strict=True):
            optimiser.load_state_dict(state)

    def _clip(self) -> None:
        """Clip the gradients of groups with a norm or an optimiser of their own, and those of all
        other parameters of the objective together."""
        apart = [one for one in self.groups if one.clip_gradient_norm or one.optimiser]
        for group in apart:
            if norm := group.clip_gradient_norm or self.clip_norm:
                nn.utils.clip_grad_norm_(group.parameters, norm)
        if self.clip_norm is not None:
            clipped = {one for group in apart for one in group.parameters}
            others = [one for one in self.parameters if one not in clipped]
            nn.utils.clip_grad_norm_(others, self.clip_norm)


def _has_gradients(optimiser: torch.optim.Optimizer) -> bool:
    groups = optimiser.param_groups
    return any(one.grad is not None for group in groups for one in group["params"])


def _rate_factors(stage: TrainingSettings, objective: Objective) -> Factors:
    """Those of the parts of the networks, times those of the layers of their encoders."""
    factors: Factors = {}
    for part, factor in stage.rate_factors.items():
        for module in objective.parts(part):
            factors |= dict.fromkeys(module.parameters(), factor)
    if stage.layer_decay < 1:
        for encoder in objective.parts("encoder"):
            for one, scale in layer_scales(encoder, stage.layer_decay).items():
                factors[one] = factors.get(one, 1.0) * scale
    return factors


def _split(group: ParameterGroup, settings: Optimiser, factors: Factors) -> list[dict[str, Any]]:
    """The group as groups of torch: one for each learning rate and weight decay."""
    if group.learning_rate is not None:
        factors = {}
    rate = settings.learning_rate if group.learning_rate is None else group.learning_rate
    decay = settings.weight_decay if group.weight_decay is None else group.weight_decay
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for one in group.parameters:
        is_spared = one.ndim <= 1 and not settings.decay_norms_and_biases
        kind = rate * factors.get(one, 1.0), 0.0 if is_spared else decay
        if one.requires_grad:
            groups.setdefault(kind, []).append(one)
    return [
        {"params": parameters, "learning_rate": rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]


def _build(settings: Optimiser, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    common = {"lr": settings.learning_rate, "fused": True}
    if isinstance(settings, Adam):
        return torch.optim.Adam(groups, betas=settings.betas, **common)
    if isinstance(settings, AdamW):
        return torch.optim.AdamW(groups, betas=settings.betas, **common)
    return torch.optim.SGD(groups, momentum=settings.momentum, nesterov=settings.nesterov, **common)
