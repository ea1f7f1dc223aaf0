"""Parameters that are not trained as the stage's settings say."""

from dataclasses import dataclass

from torch import nn

from fewmask.config.optimiser import Optimiser


@dataclass(frozen=True)
class ParameterGroup:
    """Some parameters, and how they are trained; what is absent is the stage's."""

    parameters: list[nn.Parameter]
    optimiser: Optimiser | None = None
    """The optimiser of its own, for a discriminator, say; its rate follows the stage's schedule."""
    learning_rate: float | None = None
    """Overrides that of the optimiser, and likewise follows the schedule."""
    weight_decay: float | None = None
    """Overrides that of the optimiser."""
    clip_gradient_norm: float | None = None
    """The largest norm of their gradient, taken by itself. Absent: that of the stage; they count
    with all others, unless they have an optimiser of their own."""
