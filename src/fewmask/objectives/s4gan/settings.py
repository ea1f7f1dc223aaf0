"""Settings of s4GAN."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewmask.config.augmentation import (
    Change,
    ColourAugmentation,
    HueShift,
    Probability,
    SaturationChange,
)
from fewmask.config.optimiser import Optimiser
from fewmask.config.ranges import Linear, Log, Range
from fewmask.config.settings import Settings
from fewmask.objectives.adversarial.options import AdversarialSettings, Discriminator
from fewmask.objectives.consistency.options import Decay


class DroppingDiscriminator(Discriminator):
    """The network that tells images with their masks from images with predictions."""

    dropout: Probability = 0.5
    """Probability with which a channel between two layers is dropped, also where it judges."""


class ClassifierColours(ColourAugmentation):
    """Colours of the images that the classifier is to judge as its teacher does; what is not given
    stays so."""

    brightness: Change = 0.4
    contrast: Change = 0.4
    saturation: SaturationChange = 0.4
    hue: HueShift = 0.1
    blur: Probability = 0.5


class ImageClasses(Settings):
    """A classifier that tells which classes an image shows, the others of which are not predicted
    there; it learns from masks and, by a mean teacher, from unlabelled images."""

    threshold: float = Field(default=0.2, ge=0, le=1)
    """The probability that a class must reach, in the eyes of the teacher, to be predicted."""
    teacher_decay: Decay = 0.999
    """Of the teacher, as in objectives of consistency."""
    burn_in: float = Field(default=0.1, ge=0, le=1)
    """The share of the training before which the teacher teaches nothing."""
    ramp_up: float = Field(default=0.5, gt=0, le=1)
    """The share of the training in which its weight then rises to 1, in a straight line."""
    colours: ClassifierColours = ClassifierColours()
    """How the classifier's images differ from those of its teacher."""
    optimiser: Optimiser | None = None
    """Of the classifier; null: that of the stage. The authors have SGD at a rate of 0.03."""


class S4GANSettings(AdversarialSettings):
    """Predict with the features of masks, and learn what deceives a discriminator (Mittal et al.
    2019)."""

    name: Literal["s4gan"]
    discriminator: DroppingDiscriminator = DroppingDiscriminator()
    """Judges whole images."""
    threshold: Annotated[float, Field(ge=0, le=1), Linear(0.3, 0.9)] = 0.6
    """The probability, in the eyes of the discriminator, that the prediction for an unlabelled
    image is its mask, above which its predicted classes are learnt (the paper has 0.6 for VOC and
    0.7 for Cityscapes)."""
    image_classes: ImageClasses | None = None
    """The classifier of images (MLMT); null: none. Of little use where most images show most
    classes."""

    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "feature_matching", "self_taught")
    unusual_weights: ClassVar[dict[str, Range]] = {"feature_matching": Log(0.01, 1.0)}

    @property
    def shown_threshold(self) -> float | None:
        return self.image_classes.threshold if self.image_classes else None
