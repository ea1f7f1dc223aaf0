"""Optimisers: torch's, fused, from their settings."""

from collections.abc import Iterable

import torch
from torch import nn

from fewmask.config.optimiser import Adam, AdamW, Optimiser


def build_optimiser(
    settings: Optimiser, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """The optimiser that the settings ask for; its learning rate is set at every step."""
    common = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay, "fused": True}
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if isinstance(settings, Adam):
        return torch.optim.Adam(trained, betas=settings.betas, **common)
    if isinstance(settings, AdamW):
        return torch.optim.AdamW(trained, betas=settings.betas, **common)
    return torch.optim.SGD(
        trained, momentum=settings.momentum, nesterov=settings.nesterov, **common
    )
