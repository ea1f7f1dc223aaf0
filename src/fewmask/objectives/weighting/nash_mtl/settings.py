"""Settings of Nash-MTL."""

from typing import Literal

from pydantic import Field

from fewmask.config.weighting import WeightingSettings


class NashMTLSettings(WeightingSettings):
    """The Nash bargaining solution of the tasks' gradients (Navon et al. 2022)."""

    name: Literal["nash_mtl"]
    update_weights_every: int = Field(default=1, gt=0)
    """Steps between two solutions; those between use the last weights and cost no more than a
    fixed weighting."""
    max_norm: float | None = Field(default=1.0, gt=0)
    """Largest norm of the gradient of the shared parameters; null: any."""
