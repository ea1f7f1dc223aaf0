"""Settings of the reader of CVAT's XML."""

from typing import Literal

from fewmask.data.readers.shape_settings import OneFileSettings


class CvatSettings(OneFileSettings):
    """A folder of images and one XML file, as CVAT exports it as "CVAT for images 1.1"."""

    name: Literal["cvat"]
