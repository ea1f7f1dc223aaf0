"""Settings of PS-MT."""

from typing import ClassVar, Literal

from pydantic import Field

from fewmask.objectives.consistency.options import (
    BetaParameter,
    Confidence,
    Decay,
    RampUp,
    StrongColours,
    Threshold,
)
from fewmask.objectives.hard_pixels import LearnsMasks


class KeptPixels(Confidence):
    """The paper's threshold and denominator; a pixel counts as much as it is sure."""

    threshold: Threshold = 0.6
    denominator: Literal["all", "valid", "kept"] = "kept"


class PSMTSettings(LearnsMasks):
    """Learn what two teachers predict, which follow the student in turn, on strong views and with
    the noise on features that changes the teachers most (Liu et al. 2022)."""

    name: Literal["ps_mt"]
    warm_up: float = Field(default=0.0625, ge=0, le=1)
    """The share of the training in which student and teachers learn masks alone, each by itself."""
    turns: int = Field(default=80, ge=1, le=1_000_000)
    """How often the teacher that follows changes in a training; in the paper after each epoch."""
    teacher_decay: Decay = 0.996
    """Of the teacher that follows: what its k-th update keeps of its weights, counted from 0, but
    at most 1 - 1 / (k + 2)."""
    ramp_up: RampUp = 0.15
    """The share of the training, after ``warm_up``, in which the weight of ``consistency`` rises to
    1, as in other objectives with a teacher; the authors' rises as a cosine."""
    colours: StrongColours | None = StrongColours()
    """How the student's views, also of labelled images, change colours; null: not at all."""
    mixing: tuple[BetaParameter, BetaParameter] | None = (4.0, 4.0)
    """Of the Beta distribution of the share of an image that a box of another one leaves; null: no
    boxes."""
    confidence: KeptPixels = KeptPixels()
    assisting_classes: int = Field(default=7, ge=1, le=255)
    """In how many classes, those that it finds likeliest, the teacher that does not follow has a
    say."""
    perturbed_maps: list[int] | None = None
    """The feature maps of the student's encoder that get noise; negative numbers count from the
    last one, null is all of them. The authors' noise is on the only one that their decoder, the
    last layers of DeepLabv3+, receives."""
    length: float = Field(default=2.0, gt=0, le=1000)
    """The norm of the noise of an image."""
    result: Literal["teachers", "student"] = "teachers"
    """What is evaluated and kept: the mean of the probabilities of both teachers (the authors take
    that of their logits), or the student."""

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "consistency")

    @property
    def pairs(self) -> tuple[str, ...]:
        """Unlabelled images, if they are mixed."""
        return ("unlabelled",) if self.mixing else ()

    @property
    def result_networks(self) -> int:
        return 2 if self.result == "teachers" else 1
