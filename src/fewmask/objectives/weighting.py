"""How several losses become one update."""

from torch import Tensor

from fewmask.config.weighting import FixedWeighting


class Fixed:
    """The sum of the losses, each times a fixed weight."""

    def __init__(self, settings: FixedWeighting) -> None:
        self.weights = settings.weights

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """The scalar whose gradient is the update."""
        return sum(self.weights.get(name, 1.0) * loss for name, loss in losses.items())
