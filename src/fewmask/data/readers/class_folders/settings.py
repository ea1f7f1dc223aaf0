"""Settings of the reader of folders of categories."""

from typing import ClassVar, Literal

from fewmask.config.reader import ReaderSettings
from fewmask.config.settings import RelativePath


class ClassFoldersSettings(ReaderSettings):
    """A folder for every category, with images in it and no masks: a source for pretraining."""

    name: Literal["class_folders"]
    folder: RelativePath = "."
    """Where the folders of the categories lie below the root."""
    leave_out: list[str] = []
    """Images to pass over, as ``CATEGORY/NAME`` without the ending: damaged ones, say."""

    needs_classes: ClassVar[bool] = False
    has_categories: ClassVar[bool] = True
    reads_channels: ClassVar[bool] = True
