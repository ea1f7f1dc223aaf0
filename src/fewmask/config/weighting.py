"""What the settings of every weighting of losses tell planning.

Those of each stand beside its code, in ``fewmask.objectives.weighting.NAME.settings``.
"""

from collections.abc import Sequence
from typing import Self

from fewmask.config.ranges import Ranges
from fewmask.config.settings import Settings


class WeightingSettings(Settings):
    """Base of the settings of how several losses become one update."""

    name: str

    def in_steps(self, steps_per_epoch: float) -> Self:
        """The same with every duration in steps."""
        return self

    def weight_ranges(self, of_losses: Ranges) -> Ranges:
        """The ranges of the weights that it has as settings, where losses have some."""
        return {}

    def check(self, loss_names: Sequence[str], switched_off: Sequence[str] = ()) -> None:
        """Raise ValueError if the objective's losses cannot be weighted like this.

        Most weightings compare losses, and so need two. ``switched_off``: losses that the
        objective could have.
        """
        if len(loss_names) < 2:
            raise ValueError(
                f"weighting {self.name} needs two losses or more; the objective has only "
                f"{', '.join(loss_names)}: give it another, or take weighting {{name: fixed}}"
            )
