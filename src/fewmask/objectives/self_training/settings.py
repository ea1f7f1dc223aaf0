"""Settings of self-training."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewmask.config.network import Network
from fewmask.config.ranges import LogToOne
from fewmask.config.settings import Settings
from fewmask.config.strong_augmentation import StrongAugmentationSettings
from fewmask.objectives.hard_pixels import LearnsMasks

Decay = Annotated[float, Field(gt=0, lt=1), LogToOne(0.9, 0.9995)]


class Auxiliary(Settings):
    """A second head that learns pseudo-masks (Ke et al. 2020, 3.2)."""

    own_blocks: Literal[1, 2] = 2
    """How many of the network's last blocks it does not share. The last block is all that follows
    the encoder, the one before it the encoder's last stage (2: N - 2 are shared)."""


class SelfTrainingSettings(LearnsMasks):
    """Masks, agreement with a teacher, and pseudo-masks of an earlier stage (Ke et al. 2020,
    3.2)."""

    name: Literal["self_training"]
    consistency: bool = True
    """Agree, on strongly augmented images, with an averaged teacher (equation 1)."""
    teacher_decay: Decay = 0.99
    """Of the teacher, the EMA of the student: what step k keeps of its weights, but
    at most 1 - 1 / (k + 1): at first it is a plain mean."""
    later_decays: dict[Annotated[int, Field(ge=0)], Decay] = {}
    """By the number of updates from which on they apply, decays instead of ``teacher_decay``."""
    auxiliary: Auxiliary | None = Auxiliary()
    """Learn the pseudo-masks by a head of its own (equation 3); null: not at all."""
    strong_augmentation: StrongAugmentationSettings | None = StrongAugmentationSettings()
    """The operators A and B; null: images as the stage's augmentation leaves them."""
    augments_labelled: bool = True
    """Whether A changes labelled images, too; the code of the authors spares them."""
    result: Literal["student", "teacher"] = "student"
    """Whose weights are judged, kept, and make the next pseudo-masks (paper: student)."""

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    optional_losses: ClassVar[tuple[str, ...]] = ("consistency", "pseudo_masks")

    def decay_after(self, updates: int) -> float:
        """The teacher's decay after so many of its updates."""
        begun = [start for start in self.later_decays if start <= updates]
        return self.later_decays[max(begun)] if begun else self.teacher_decay

    @property
    def learns_pseudo_masks(self) -> bool:
        """Only with the auxiliary head."""
        return self.auxiliary is not None

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Equations 2, 1 and 3."""
        chosen = {"consistency": self.consistency, "pseudo_masks": self.auxiliary is not None}
        return ("cross_entropy", *(name for name, is_chosen in chosen.items() if is_chosen))

    def check_network(self, network: Network) -> None:
        """The auxiliary head may need a last stage of its own."""
        needs_stage = self.auxiliary is not None and self.auxiliary.own_blocks == 2
        if needs_stage and not network.has_own_last_stage:
            raise ValueError(
                f"objective.auxiliary.own_blocks: 2 needs an encoder of residual stages; "
                f"{network.encoder} has none\n  mend: own_blocks: 1, or a ResNet"
            )
        if needs_stage and network.frozen == "encoder":
            raise ValueError(
                "objective.auxiliary.own_blocks is 2, but network.frozen keeps the encoder as it is"
                "\n  mend: own_blocks: 1"
            )
