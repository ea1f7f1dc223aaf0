"""Settings of the reader of PASCAL VOC 2012."""

from typing import Literal

from fewmask.config.reader import ReaderSettings
from fewmask.config.settings import RelativePath


class VocSettings(ReaderSettings):
    """PASCAL VOC 2012 in its official layout, or as published code lays it out.

    Paths are below the root, or below VOCdevkit/VOC2012 in it, where the official archive puts
    them. Lists hold a name per line, or ``JPEGImages/NAME.jpg SegmentationClass/NAME.png``.
    """

    name: Literal["voc"]
    train_masks: RelativePath = "SegmentationClass"
    """Folder of the training masks: ``SegmentationClassAug`` for the augmented ones. The masks of
    ``val`` are always those in SegmentationClass."""
    train_list: RelativePath | None = "ImageSets/Segmentation/train.txt"
    """Who is in the subset ``train``; null: all who have a mask in ``train_masks`` and are not in
    ``val``."""
    val_list: RelativePath = "ImageSets/Segmentation/val.txt"
    """Who is in the subset ``val``."""
