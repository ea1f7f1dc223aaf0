"""Settings of fixed weights."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from fewmask.config.ranges import Ranges
from fewmask.config.weighting import WeightingSettings


class FixedSettings(WeightingSettings):
    """The sum of the losses, each times its weight."""

    name: Literal["fixed"]
    weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    """By the name of the loss; one that is not named has weight 1."""

    def weight_ranges(self, of_losses: Ranges) -> Ranges:
        return {f"weights.{name}": one for name, one in of_losses.items()}

    def check(self, loss_names: Sequence[str], switched_off: Sequence[str] = ()) -> None:
        """Raise ValueError if a weight is for none of the objective's losses; for those that are
        ``switched_off`` there may be some."""
        unknown = set(self.weights) - {*loss_names, *switched_off}
        if unknown:
            raise ValueError(
                f"weighting.weights names {', '.join(sorted(unknown))}; the objective's losses "
                f"are {', '.join(loss_names)}"
            )
