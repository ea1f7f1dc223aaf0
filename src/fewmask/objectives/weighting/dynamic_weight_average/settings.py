"""Settings of dynamic weight average."""

from typing import Literal

from pydantic import Field

from fewmask.config.duration import Duration, in_steps
from fewmask.config.weighting import WeightingSettings


class DynamicWeightAverageSettings(WeightingSettings):
    """More weight for losses that fall more slowly (Liu, Johns and Davison 2019)."""

    name: Literal["dynamic_weight_average"]
    temperature: float = Field(default=2.0, gt=0)
    """The higher, the more alike are the weights."""
    period: Duration = "1 epoch"
    """Steps (or epochs) whose losses are averaged; the weights follow from the last two periods."""

    def in_steps(self, steps_per_epoch: float) -> "DynamicWeightAverageSettings":
        return self.model_copy(update={"period": in_steps(self.period, steps_per_epoch)})
