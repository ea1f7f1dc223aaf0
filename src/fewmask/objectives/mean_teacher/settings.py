"""Settings of the mean teacher, with what may be done to the images of the student."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from fewmask.config.augmentation import ordered
from fewmask.config.ranges import Log
from fewmask.config.settings import Settings
from fewmask.objectives.consistency.options import (
    AreaShare,
    BatchConfidence,
    ConsistencySettings,
    MildColours,
)


class OfArea(Settings):
    """A box in every image, of any aspect that fits."""

    area: tuple[AreaShare, AreaShare]
    """Range of the share of the image that it has."""

    @field_validator("area")
    @classmethod
    def _is_a_range(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        return ordered(bounds)


class CutMix(OfArea):
    """A box of another image in every image."""

    name: Literal["cutmix"]
    area: tuple[AreaShare, AreaShare] = (0.5, 0.5)


class Cutout(OfArea):
    """Every image is grey outside a box, and nothing is learnt there: the mean is over the pixels
    inside of boxes."""

    name: Literal["cutout"]
    area: tuple[AreaShare, AreaShare] = (0.0, 1.0)


class ICT(Settings):
    """A weighted mean of every image and another one (Verma et al. 2019)."""

    name: Literal["ict"]
    alpha: Annotated[float, Field(gt=0, le=100), Log(0.05, 2.0)] = 0.1
    """Both parameters of the Beta distribution of the weight."""


Perturbation = Annotated[CutMix | Cutout | ICT, Field(discriminator="name")]


class MeanTeacherSettings(ConsistencySettings):
    """Predict what an averaged teacher predicts (Tarvainen and Valpola 2017), on perturbed images
    (French et al. 2020)."""

    name: Literal["mean_teacher"]
    colours: MildColours | None = MildColours()
    """How the student's view changes colours; null: not at all."""
    perturbation: Perturbation | None = None
    """What is done to the student's view besides: ``cutmix``, ``cutout``, ``ict``, or nothing."""
    confidence: BatchConfidence = BatchConfidence()

    @property
    def pairs(self) -> tuple[str, ...]:
        """Unlabelled images, if they are mixed."""
        return ("unlabelled",) if isinstance(self.perturbation, CutMix | ICT) else ()
