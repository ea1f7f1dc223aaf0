"""Settings of the reader of COCO's JSON."""

from typing import Literal

from fewmask.config.settings import RelativePath
from fewmask.data.readers.shape_settings import OneFileSettings


class CocoSettings(OneFileSettings):
    """A folder of images and one JSON file in COCO's format: instances, stuff, or panoptic."""

    name: Literal["coco"]
    masks: RelativePath | None = None
    """Of panoptic annotations, the folder of the PNG files below the root."""
