"""Settings of the reader of LabelMe's JSON files."""

from typing import Literal

from fewmask.data.readers.folder.settings import FolderSettings
from fewmask.data.readers.shape_settings import ShapeSettings


class LabelmeSettings(ShapeSettings, FolderSettings):
    """A folder of images and LabelMe's JSON files: ``images: "*.jpg"``, ``masks: "*.json"``.

    The part of the path that ``*`` stands for pairs an image with its JSON file.
    """

    name: Literal["labelme"]
