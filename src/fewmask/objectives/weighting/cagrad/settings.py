"""Settings of CAGrad."""

from typing import Literal

from pydantic import Field

from fewmask.config.weighting import WeightingSettings


class CAGradSettings(WeightingSettings):
    """Near the mean gradient, the one that is best for the worst-off task (Liu et al. 2021)."""

    name: Literal["cagrad"]
    c: float = Field(default=0.5, ge=0, lt=1)
    """How far from the mean gradient, as a share of its norm; 0 is the plain sum of losses."""
    rescale: bool = True
    """Divide the update by 1 + c^2, as the authors' code does; false: the paper's algorithm 1."""
