"""Settings of S4L, self-supervised semi-supervised learning."""

from typing import ClassVar, Literal

from fewmask.config.ranges import Log, Range
from fewmask.objectives.hard_pixels import LearnsMasks


class S4LSettings(LearnsMasks):
    """Learn masks, and by how many right angles images are turned (Zhai et al. 2019)."""

    name: Literal["s4l"]
    rotation_from: Literal["logits", "features"] = "logits"
    """From what the rotation of an image is predicted: the logits of its classes, by convolutions
    (the code of PixelSSL, with which the published values of segmentation were made), or the last
    feature map of the encoder, averaged (Zhai et al. 2019, for classification)."""

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "rotated_cross_entropy", "rotation")
    unusual_weights: ClassVar[dict[str, Range]] = {
        "rotated_cross_entropy": Log(0.01, 1.0),
        "rotation": Log(0.01, 1.0),
    }
