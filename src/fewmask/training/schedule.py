"""The learning rate over the steps."""

import math

from fewmask.config.schedule import Schedule


def learning_rate_factor(settings: Schedule, step: int, steps: int) -> float:
    """What the base learning rate is multiplied with at ``step`` of ``steps``, in [0, 1].

    During the warm-up it rises in a straight line: step 0 takes 1/warmup_steps of the rate, the
    last step of the warm-up all of it. Then it falls from 1 towards 0, which it would reach at
    ``steps`` (Li, 3.2: warm-up and linear decay).
    """
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    left = 1 - (step - settings.warmup_steps) / (steps - settings.warmup_steps)
    if settings.name == "linear":
        return left
    if settings.name == "polynomial":
        return left**settings.power
    if settings.name == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (1 - left)))
    return 1.0
