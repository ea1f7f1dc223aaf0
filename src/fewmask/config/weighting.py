"""Settings of how several losses become one update; each is ``fewmask.objectives.weighting``'s."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from fewmask.config.duration import Duration, in_steps
from fewmask.config.settings import Settings


class _Weighting(Settings):
    """What all have in common."""

    def in_steps(self, steps_per_epoch: float) -> "Weighting":
        """The same with every duration in steps."""
        return self


class FixedWeighting(_Weighting):
    """The sum of the losses, each times its weight."""

    name: Literal["fixed"] = "fixed"
    weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    """By the name of the loss; one that is not named has weight 1."""

    def check(self, loss_names: Sequence[str], switched_off: Sequence[str] = ()) -> None:
        """Raise ValueError if a weight is for none of the objective's losses; for those that are
        ``switched_off`` there may be some."""
        unknown = set(self.weights) - {*loss_names, *switched_off}
        if unknown:
            raise ValueError(
                f"weighting.weights names {', '.join(sorted(unknown))}; the objective's losses "
                f"are {', '.join(loss_names)}"
            )


class _OfSeveralLosses(_Weighting):
    """What weighs losses against one another."""

    name: str

    def check(self, loss_names: Sequence[str], switched_off: Sequence[str] = ()) -> None:
        """Raise ValueError if the objective has fewer than two losses."""
        if len(loss_names) < 2:
            raise ValueError(
                f"weighting {self.name} needs two losses or more; the objective has only "
                f"{', '.join(loss_names)}: give it another, or take weighting {{name: fixed}}"
            )


class UncertaintyWeighting(_OfSeveralLosses):
    """Learned weights: the uncertainty of every task (Kendall, Gal and Cipolla 2018)."""

    name: Literal["uncertainty"]
    initial_log_variance: float = Field(default=0.0)
    """Where the logarithm of every task's variance starts."""
    learning_rate: float = Field(default=0.025, gt=0)
    """Of the logarithms; it follows the stage's schedule. At the rate of a network's weights, which
    is far lower, they would hardly leave their start."""


class DynamicWeightAverage(_OfSeveralLosses):
    """More weight for losses that fall more slowly (Liu, Johns and Davison 2019)."""

    name: Literal["dynamic_weight_average"]
    temperature: float = Field(default=2.0, gt=0)
    """The higher, the more alike are the weights."""
    period: Duration = "1 epoch"
    """Steps (or epochs) whose losses are averaged; the weights follow from the last two periods."""

    def in_steps(self, steps_per_epoch: float) -> "DynamicWeightAverage":
        return self.model_copy(update={"period": in_steps(self.period, steps_per_epoch)})


class NashMTL(_OfSeveralLosses):
    """The Nash bargaining solution of the tasks' gradients (Navon et al. 2022)."""

    name: Literal["nash_mtl"]
    update_weights_every: int = Field(default=1, gt=0)
    """Steps between two solutions; those between use the last weights and cost no more than a
    fixed weighting."""
    max_norm: float | None = Field(default=1.0, gt=0)
    """Largest norm of the gradient of the shared parameters; null: any."""


class PCGrad(_OfSeveralLosses):
    """Gradients without the parts that conflict with one another (Yu et al. 2020)."""

    name: Literal["pcgrad"]


class CAGrad(_OfSeveralLosses):
    """Near the mean gradient, the one that is best for the worst-off task (Liu et al. 2021)."""

    name: Literal["cagrad"]
    c: float = Field(default=0.5, ge=0, lt=1)
    """How far from the mean gradient, as a share of its norm; 0 is the plain sum of losses."""
    rescale: bool = True
    """Divide the update by 1 + c^2, as the authors' code does; false: the paper's algorithm 1."""


Weighting = Annotated[
    FixedWeighting | UncertaintyWeighting | DynamicWeightAverage | NashMTL | PCGrad | CAGrad,
    Field(discriminator="name"),
]
"""Any weighting's settings, told apart by ``name``."""
