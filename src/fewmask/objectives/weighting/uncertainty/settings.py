"""Settings of weights learned as uncertainties."""

from typing import Literal

from pydantic import Field

from fewmask.config.weighting import WeightingSettings


class UncertaintySettings(WeightingSettings):
    """Learned weights: the uncertainty of every task (Kendall, Gal and Cipolla 2018)."""

    name: Literal["uncertainty"]
    initial_log_variance: float = Field(default=0.0)
    """Where the logarithm of every task's variance starts."""
    learning_rate: float = Field(default=0.025, gt=0)
    """Of the logarithms; it follows the stage's schedule. At the rate of a network's weights, which
    is far lower, they would hardly leave their start."""
