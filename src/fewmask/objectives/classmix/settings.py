"""Settings of ClassMix."""

from typing import Literal

from fewmask.config.augmentation import ColourAugmentation, Probability, Range
from fewmask.objectives.consistency.options import (
    BatchConfidence,
    ConsistencySettings,
    StrongChange,
    StrongHueShift,
    StrongSaturationChange,
    Threshold,
)


class ClassMixColours(ColourAugmentation):
    """Colours of mixed images (the authors' settings for Cityscapes); what is not given stays
    so."""

    brightness: StrongChange = 0.25
    contrast: StrongChange = 0.25
    saturation: StrongSaturationChange = 0.25
    hue: StrongHueShift = 0.25
    colour: Probability = 0.8
    blur: Probability = 0.5
    blur_sigma: Range = (0.15, 1.15)


class ClassMixConfidence(BatchConfidence):
    """The authors' threshold."""

    threshold: Threshold = 0.968


class ClassMixSettings(ConsistencySettings):
    """Learn the teacher's classes on images that hold half of the classes of one image, pasted into
    another one (Olsson et al. 2021)."""

    name: Literal["classmix"]
    colours: ClassMixColours | None = ClassMixColours()
    """How mixed images change colours; null: not at all (the authors' settings for VOC)."""
    confidence: ClassMixConfidence = ClassMixConfidence()
    result: Literal["student", "teacher"] = "student"
    """Whose weights are evaluated and kept (the authors evaluate the student)."""

    @property
    def pairs(self) -> tuple[str, ...]:
        """Unlabelled images, which are mixed."""
        return ("unlabelled",)
