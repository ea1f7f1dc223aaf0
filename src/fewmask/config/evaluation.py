"""Settings of the evaluations on the validation images."""

from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from fewmask.config.duration import Duration, in_steps
from fewmask.config.explain import did_you_mean
from fewmask.config.settings import Settings
from fewmask.metrics import table


class Evaluation(Settings):
    """Evaluating on the validation images while training: selection and early stopping."""

    every: Duration = 100
    """Steps (or epochs) between two evaluations; the last step always has one."""
    metric: str = "miou"
    """The weights with the best value of this are kept: loss or a metric; ``none`` keeps the
    last."""
    patience: Duration | None = None
    """Stop after this many steps (or epochs), rounded up to evaluations, without a better value;
    absent: never."""
    patience_metric: str = "metric"
    """What must get better for that: loss or a metric; ``metric`` stands for the one above."""
    batch_size: int = Field(default=32, gt=0, le=65536)
    last_weights: bool = False
    """Keep, beside the selected weights, those after the last step, and their EMA where the
    objective or ``averaging`` has one; they are evaluated on the test images too."""

    @model_validator(mode="after")
    def _patience_has_a_metric(self) -> Self:
        if self.patience and self.stops_by == "none":
            raise ValueError("patience needs a metric: with none there is no better value")
        return self

    @property
    def stops_by(self) -> str:
        """The metric that must improve, or patience ends the training."""
        return self.metric if self.patience_metric == "metric" else self.patience_metric

    @property
    def judges(self) -> list[str]:
        """The metrics of validation images that select the weights or end the training."""
        return sorted({self.metric, self.stops_by} - {"none"})

    def in_steps(self, steps_per_epoch: float) -> Self:
        """The same with every duration in steps."""
        patience = self.patience and in_steps(self.patience, steps_per_epoch)
        every = in_steps(self.every, steps_per_epoch)
        return self.model_copy(update={"every": every, "patience": patience})

    @field_validator("metric", "patience_metric")
    @classmethod
    def _is_known(cls, metric: str, info: ValidationInfo) -> str:
        known = table.names(table.measured_on("validation"))
        allowed = [*known, "none" if info.field_name == "metric" else "metric"]
        if metric not in allowed:
            raise ValueError(
                f"no such metric{did_you_mean(metric, allowed)}; known: {', '.join(allowed)}"
            )
        return metric
