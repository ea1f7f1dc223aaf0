"""Settings of the reader of a folder of images and masks."""

from typing import ClassVar, Literal

from pydantic import field_validator, model_validator

from fewmask.config.reader import ReaderSettings
from fewmask.config.settings import RelativePath


class FolderSettings(ReaderSettings):
    """A folder of images and, for some or all of them, masks.

    The part of the path that ``*`` stands for pairs an image with its mask. Masks may be palette
    or grey images (the value is the class) or RGB images (the colour of a class).
    """

    name: Literal["folder"]
    images: RelativePath
    """Pattern below the root, for example ``images/*.jpg``; a ``*`` may stand in a folder's
    place too, ``**`` for any depth, and an ending may be in any case. With a bare ``*`` at its end
    (``images/*``) images of all formats are found, and the name of an image is without its
    ending."""
    masks: RelativePath | None = None
    """Pattern of the masks, for example ``masks/*.png``; absent: no image has one."""
    unlabelled: RelativePath | None = None
    """Pattern of further images that have no masks."""
    masks_required: bool = False
    """Whether it is a mistake if one of ``images`` has no mask; else it is unlabelled."""

    reads_channels: ClassVar[bool] = True

    @field_validator("images", "masks", "unlabelled")
    @classmethod
    def _has_a_star(cls, pattern: str | None) -> str | None:
        if pattern is not None and "*" not in pattern:
            raise ValueError("must hold a * that stands for the name of an image")
        return pattern

    @model_validator(mode="after")
    def _says_which_masks(self) -> "FolderSettings":
        if self.masks_required and self.masks is None:
            raise ValueError("masks_required: give the pattern of the masks, too")
        return self

    @property
    def needs_classes(self) -> bool:
        """Whether it reads masks."""
        return self.masks is not None
