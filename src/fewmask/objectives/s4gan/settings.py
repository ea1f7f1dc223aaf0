"""Settings of s4GAN."""

from typing import ClassVar, Literal

from pydantic import Field

from fewmask.config.augmentation import Probability
from fewmask.objectives.adversarial.options import AdversarialSettings, Discriminator


class DroppingDiscriminator(Discriminator):
    """The network that tells images with their masks from images with predictions."""

    dropout: Probability = 0.5
    """Probability with which a channel between two layers is dropped, also where it judges."""


class S4GANSettings(AdversarialSettings):
    """Predict with the features of masks, and learn what deceives a discriminator (Mittal et al.
    2019)."""

    name: Literal["s4gan"]
    discriminator: DroppingDiscriminator = DroppingDiscriminator()
    """Judges whole images."""
    threshold: float = Field(default=0.6, ge=0, le=1)
    """The probability, in the eyes of the discriminator, that the prediction for an unlabelled
    image is its mask, above which its predicted classes are learnt (the paper has 0.6 for VOC and
    0.7 for Cityscapes)."""

    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "feature_matching", "self_taught")
