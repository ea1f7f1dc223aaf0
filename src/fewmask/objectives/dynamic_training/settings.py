"""Settings of dynamic self-training and dynamic mutual training."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewmask.config.objective import ObjectiveSettings
from fewmask.config.ranges import Linear

Power = Annotated[float, Field(ge=0, le=100), Linear(0.0, 10.0)]


class DynamicTrainingSettings(ObjectiveSettings):
    """Learn pseudo-masks as if they were masks, but the less a pixel, the less likely the network
    itself thinks it (Feng et al. 2020, 2022)."""

    name: Literal["dynamic_training"]
    agreement_power: Power = 5
    """A pixel of a pseudo-mask counts as much as the probability of its class, to this power
    (gamma_1; 5 on VOC, 3 on Cityscapes). 0: as much as a pixel of a mask."""
    disagreement_power: Power = 5
    """The same where the network predicts another class (gamma_2)."""
    skip_surer: bool = False
    """Whether a pixel does not count if the network predicts another class and is surer of it than
    the one that made the pseudo-mask (DMT)."""

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    learns_pseudo_masks: ClassVar[bool] = True
    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy",)

    @property
    def compares_confidence(self) -> bool:
        """Only to skip pixels."""
        return self.skip_surer
