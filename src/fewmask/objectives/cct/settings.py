"""Settings of cross-consistency training."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from fewmask.config.augmentation import Probability, ordered
from fewmask.config.ranges import Linear, Log, Range
from fewmask.config.settings import Settings
from fewmask.objectives.consistency.options import RampUp
from fewmask.objectives.hard_pixels import LearnsMasks


class Decoders(Settings):
    """How many auxiliary decoders learn from features that are perturbed in each way."""

    noise: int = Field(default=1, ge=0, le=20)
    """Every value is changed by a random share."""
    dropout: int = Field(default=1, ge=0, le=20)
    """Whole channels are dropped."""
    most_active: int = Field(default=1, ge=0, le=20)
    """The most active places are dropped."""
    cutout: int = Field(default=1, ge=0, le=20)
    """A box in every predicted object is dropped."""
    objects: int = Field(default=1, ge=0, le=20)
    """Only the predicted objects are kept."""
    context: int = Field(default=1, ge=0, le=20)
    """Only the predicted background is kept."""
    adversarial: int = Field(default=1, ge=0, le=20)
    """The noise that changes the decoder's prediction most is added."""


class CCTSettings(LearnsMasks):
    """Let auxiliary decoders predict from perturbed features what the main decoder predicts (Ouali
    et al. 2020)."""

    name: Literal["cct"]
    decoders: Decoders = Decoders()
    """How many there are. The authors have six of each, but two of ``objects``, ``context`` and
    ``adversarial``."""
    perturbed_maps: list[int] | None = None
    """The feature maps of the encoder that are perturbed; negative numbers count from the last one.
    null: all of them, as in the paper, whose decoders receive one."""
    background: int | None = Field(default=None, ge=0, le=254)
    """The class that is no object; null: in each image the one that most of it is predicted to
    show."""
    largest_noise: Annotated[float, Field(ge=0, lt=1), Linear(0.1, 0.6)] = 0.3
    """Of ``noise``, the largest change as a share of a value."""
    channel_dropout: Annotated[float, Field(ge=0, lt=1), Linear(0.1, 0.7)] = 0.5
    """Of ``dropout``, the probability with which a channel is dropped."""
    active_share: tuple[Probability, Probability] = (0.6, 0.9)
    """Of ``most_active``, the range of the share of the largest activity from which on places are
    dropped. It starts at 0.7 in later versions of the authors' code."""
    erased: Probability = 0.4
    """Of ``cutout``, the side of a box as a share of that of the object's bounding box."""
    length: float = Field(default=2.0, gt=0, le=1000)
    """Of ``adversarial``, the norm of the noise of an image."""
    ramp_up: RampUp = 0.1
    """The share of the training in which the weight of ``consistency`` rises to 1, as in objectives
    with a teacher."""

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "consistency")
    unusual_weights: ClassVar[dict[str, Range]] = {"consistency": Log(0.15, 15.0)}

    @field_validator("active_share")
    @classmethod
    def _is_a_range(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        return ordered(bounds)

    @field_validator("decoders")
    @classmethod
    def _has_one(cls, decoders: Decoders) -> Decoders:
        if not any(count for _, count in decoders):
            raise ValueError("no auxiliary decoder is left\n  mend: a number above 0 for one kind")
        return decoders
