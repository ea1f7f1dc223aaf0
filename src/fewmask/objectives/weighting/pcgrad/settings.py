"""Settings of PCGrad."""

from typing import Literal

from fewmask.config.weighting import WeightingSettings


class PCGradSettings(WeightingSettings):
    """Gradients without the parts that conflict with one another (Yu et al. 2020)."""

    name: Literal["pcgrad"]
