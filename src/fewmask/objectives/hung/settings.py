"""Settings of the adversarial learning of Hung et al. 2018."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewmask.config.ranges import Linear, Log, Range
from fewmask.objectives.adversarial.options import AdversarialSettings


class HungSettings(AdversarialSettings):
    """Predict what a discriminator takes for masks, and learn what it does (Hung et al. 2018)."""

    name: Literal["hung"]
    threshold: Annotated[float, Field(ge=0, le=1), Linear(0.05, 0.5)] = 0.2
    """How probable the discriminator must find it that a pixel of an unlabelled image is one of a
    mask, for its predicted class to be learnt."""
    self_taught_start: float = Field(default=0.25, ge=0, le=1)
    """The share of the training before which no predicted classes are learnt."""
    adversarial_start: float = Field(default=0, ge=0, le=1)
    """The share of the training before which unlabelled images need not look like masks to the
    discriminator: 0 in the authors' code; in the paper both begin together."""
    judged_images: Literal["labelled", "all"] = "labelled"
    """Whose predictions the discriminator learns to tell from masks: those of ``labelled`` images
    (the paper), or of ``all`` (the authors' code)."""

    loss_names: ClassVar[tuple[str, ...]] = (
        "cross_entropy",
        "adversarial",
        "unlabelled_adversarial",
        "self_taught",
    )
    unusual_weights: ClassVar[dict[str, Range]] = {
        "adversarial": Log(1e-3, 0.1),
        "unlabelled_adversarial": Log(1e-4, 0.01),
        "self_taught": Log(0.01, 1.0),
    }
    further_halvings: ClassVar[int] = 1
