"""Parameters that are not trained as the stage's settings say."""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class ParameterGroup:
    """Some parameters, and how they are trained; what is absent is the stage's."""

    parameters: list[nn.Parameter]
    learning_rate: float | None = None
    """It follows the stage's schedule."""
    weight_decay: float | None = None
    clip_gradient_norm: float | None = None
    """The largest norm of their gradient, taken by itself; absent: they count with all others."""
