"""Settings that several objectives of consistency share."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from fewmask.config.augmentation import (
    Change,
    ColourAugmentation,
    HueShift,
    Probability,
    Range,
    SaturationChange,
    ordered,
)
from fewmask.config.ranges import Linear, LogToOne
from fewmask.config.settings import Settings
from fewmask.objectives.hard_pixels import LearnsMasks

Decay = Annotated[float, Field(gt=0, lt=1), LogToOne(0.9, 0.9995)]
Threshold = Annotated[float, Field(ge=0, le=1), Linear(0.5, 0.99)]
RampUp = Annotated[float, Field(ge=0, le=1), Linear(0.0, 0.8)]
StrongChange = Annotated[Change, Linear(0.1, 0.8)]
StrongSaturationChange = Annotated[SaturationChange, Linear(0.1, 0.8)]
StrongHueShift = Annotated[HueShift, Linear(0.0, 0.25)]
BoxProbability = Annotated[Probability, Linear(0.0, 1.0)]
BetaParameter = Annotated[float, Field(gt=0, le=1000)]
AreaShare = Annotated[float, Field(ge=0, le=1)]


class Confidence(Settings):
    """Which pixels of unlabelled images count, and by what their summed losses are divided."""

    threshold: Threshold = 0.95
    """What the largest probability of a pixel must reach; 0: every pixel counts."""
    rule: Literal["pixel", "batch"] = "pixel"
    """``pixel``: pixels that reach the threshold count; ``batch``: all pixels count, times the
    share of those that reach it."""
    denominator: Literal["all", "valid", "kept"] = "valid"
    """The number of all pixels, of those inside the images, or of those that count. With the last
    one few confident pixels weigh as much as many."""


EVERY_PIXEL = Confidence(threshold=0)
"""All pixels inside the images count: there is no threshold."""


class StrongColours(ColourAugmentation):
    """Colours of a strong view (Yang et al. 2023); what is not given stays so."""

    brightness: StrongChange = 0.5
    contrast: StrongChange = 0.5
    saturation: StrongSaturationChange = 0.5
    hue: StrongHueShift = 0.25
    colour: Probability = 0.8
    greyscale: Probability = 0.2
    blur: Probability = 0.5


class BatchConfidence(Confidence):
    """The rule of French et al. 2020: one scalar for the batch."""

    threshold: Threshold = 0.97
    rule: Literal["pixel", "batch"] = "batch"


class MildColours(ColourAugmentation):
    """Colours of a student's view (the code of French et al. 2020); what is not given stays so."""

    brightness: StrongChange = 0.4
    contrast: StrongChange = 0.4
    saturation: StrongSaturationChange = 0.4
    hue: StrongHueShift = 0.1
    colour: Probability = 0.8
    greyscale: Probability = 0.2


class Boxes(Settings):
    """A box of another image that is pasted into an image."""

    probability: BoxProbability = 0.5
    """Of an image that gets one."""
    area: tuple[AreaShare, AreaShare] = (0.02, 0.4)
    """Range of the share of the image that a box has."""
    aspect: Range = (0.3, 1 / 0.3)
    """Range of its height relative to its width, both relative to those of the image."""

    @field_validator("area", "aspect")
    @classmethod
    def _is_a_range(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        return ordered(bounds)


class ConsistencySettings(LearnsMasks):
    """Base of those that have a teacher, which may be the student itself."""

    teacher_decay: Decay | None = 0.99
    """Of the teacher, the EMA of the student: what step k keeps of its weights, but at most
    1 - 1 / (k + 1). null: the student teaches itself."""
    result: Literal["student", "teacher"] = "teacher"
    """Whose weights are evaluated and kept."""
    ramp_up: RampUp = 0
    """The share of the training in which the weight of the losses of unlabelled images rises to 1,
    as exp(-5 (1 - t)^2) (Tarvainen and Valpola 2017). 0, as in most papers: it is 1 at once."""

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "consistency")

    @model_validator(mode="after")
    def _keeps_what_there_is(self) -> "ConsistencySettings":
        if self.result == "teacher" and self.teacher_decay is None:
            raise ValueError(
                "result is teacher, but teacher_decay is null: there is none\n"
                "  mend: result: student, or a teacher_decay such as 0.99"
            )
        return self


class StrongViewSettings(ConsistencySettings):
    """Base of those that learn classes on strong views."""

    colours: StrongColours = StrongColours()
    """How strong views change colours, after the stage's augmentation."""
    mixing: Boxes | None = Boxes()
    """The boxes of other images that are pasted into strong views; null: none."""
    confidence: Confidence = Confidence()

    @property
    def pairs(self) -> tuple[str, ...]:
        """Unlabelled images, if they are mixed."""
        return ("unlabelled",) if self.mixing else ()
