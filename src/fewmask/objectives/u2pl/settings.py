"""Settings of U2PL."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from fewmask.config.augmentation import Probability, Range
from fewmask.config.ranges import Linear, Log
from fewmask.config.settings import Settings
from fewmask.objectives.consistency.options import AreaShare, Boxes, ConsistencySettings


class HalfBoxes(Boxes):
    """Boxes of half an image."""

    area: tuple[AreaShare, AreaShare] = (0.5, 0.5)
    aspect: Range = (0.5, 2.0)


class Contrast(Settings):
    """Which pixels are compared with which."""

    channels: int = Field(default=256, ge=1, le=4096)
    """Length of the vectors that are compared."""
    dropout: Probability = 0.1
    """Probability with which a channel between the layers of their head is dropped."""
    temperature: Annotated[float, Field(gt=0), Log(0.05, 1.0)] = 0.5
    """What cosine similarities are divided by."""
    anchors: int = Field(default=256, ge=1, le=65536)
    """How many pixels of every class are drawn, each of which is compared."""
    certainty: float = Field(default=0.3, ge=0, le=1)
    """What the teacher's probability of its class must exceed in an anchor."""
    unlabelled_anchors: Literal["reliable", "most_reliable"] = "reliable"
    """``reliable``: all pixels of unlabelled images whose classes are learnt may be anchors (the
    paper); ``most_reliable``: the share ``unreliable`` of them with the lowest entropy (the
    authors' code)."""
    negatives: int = Field(default=50, ge=1, le=65536)
    """With how many pixels of other classes an anchor is compared."""
    low_rank: int = Field(default=3, ge=1)
    """Labelled pixels of other classes are negatives of a class that is among so many likeliest
    ones there."""
    high_rank: int = Field(default=20, ge=1)
    """Unreliable pixels are negatives of a class that is among so many likeliest ones there, but
    not among the first ``low_rank``; where there are no more classes than these, of the unlikeliest
    class (in the authors' code, of none), but of two classes of none: which of them an unreliable
    pixel has is a matter of chance."""
    memory: int = Field(default=30_000, ge=1, le=1_000_000)
    """How many negatives of every class are remembered; new ones replace the oldest."""

    @model_validator(mode="after")
    def _ranks_are_ordered(self) -> "Contrast":
        if self.high_rank < self.low_rank:
            raise ValueError(
                f"high_rank is {self.high_rank}, below low_rank, {self.low_rank}\n"
                f"  mend: a high_rank of at least {self.low_rank}"
            )
        return self


class U2PLSettings(ConsistencySettings):
    """Learn a teacher's reliable classes, and compare pixels with unreliable ones that are surely
    of other classes (Wang et al. 2022)."""

    name: Literal["u2pl"]
    mixing: HalfBoxes | None = HalfBoxes()
    """The boxes of other images that are pasted into unlabelled ones; null: none."""
    unreliable: Annotated[float, Field(ge=0, le=1), Linear(0.05, 0.5)] = 0.2
    """The share of the pixels of unlabelled images whose entropy is so high that their classes are
    not learnt; it falls to 0 in the course of the training."""
    contrast: Contrast = Contrast()

    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "consistency", "contrastive")

    @property
    def pairs(self) -> tuple[str, ...]:
        """Unlabelled images, if they are mixed."""
        return ("unlabelled",) if self.mixing else ()
