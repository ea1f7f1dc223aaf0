"""Settings of FixMatch."""

from typing import Literal

from fewmask.objectives.consistency.options import (
    Boxes,
    Confidence,
    ConsistencySettings,
    StrongColours,
)


class FixMatchSettings(ConsistencySettings):
    """Learn, on strong views of unlabelled images, the classes that are sure on weak views (Sohn et
    al. 2020; Yang et al. 2023)."""

    name: Literal["fixmatch"]
    colours: StrongColours = StrongColours()
    """How strong views change colours, after the stage's augmentation."""
    mixing: Boxes | None = Boxes()
    """The boxes of other images that are pasted into strong views; null: none."""
    confidence: Confidence = Confidence()

    @property
    def pairs(self) -> tuple[str, ...]:
        """Unlabelled images, if they are mixed."""
        return ("unlabelled",) if self.mixing else ()
