"""PASCAL VOC 2012: images in JPEGImages/, palette masks, and lists of the images in train and val.

The augmented masks (SBD; 10,582 for training) are in a folder of their own; a setting says which of
the two folders training uses. The test images (val) are always compared with VOC's own masks.
"""

from pathlib import Path

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import read_pair
from fewmask.data.preparation.mask_code import mask_code
from fewmask.data.readers.reader import Item, Sample
from fewmask.data.readers.voc.settings import VocSettings
from fewmask.data.splits.lists import read_list

OFFICIAL_MASKS = "SegmentationClass"
INSIDE_ARCHIVE = "VOCdevkit/VOC2012"
LAYOUT = "the official layout: JPEGImages/, SegmentationClass/, ImageSets/Segmentation/*.txt"


class Reader:
    """The images of the subsets train and val, each in the order of its list."""

    categories = ()

    def __init__(self, settings: Dataset, root: Path) -> None:
        self._root = root
        self._reader = settings.reader
        self._code = mask_code(settings)

    def items(self) -> list[Item]:
        val = self._listed("val_list", self._reader.val_list)
        train = self._train(but=val)
        return [
            *self._items("train", train, self._masks(self._reader.train_masks)),
            *self._items("val", val, self._masks(OFFICIAL_MASKS)),
        ]

    def load(self, item: Item) -> Sample:
        # The masks were drawn on the stored pixels, whatever EXIF says.
        image, mask = read_pair(item.image, item.mask, self._code, upright=False)
        return Sample(image, {"mask": mask})

    def _items(self, subset: str, names: list[str], masks: Path) -> list[Item]:
        # Whether the files exist is not checked here: that takes long on a network drive, and
        # `load` names the missing ones.
        images = self._below("JPEGImages")
        return [
            Item(name, subset, image=images / f"{name}.jpg", mask=masks / f"{name}.png")
            for name in names
        ]

    def _train(self, but: list[str]) -> list[str]:
        if self._reader.train_list is not None:
            names = self._listed("train_list", self._reader.train_list)
            _check_apart(names, but, self._reader)
            return names
        masks = self._masks(self._reader.train_masks)
        names = {path.stem for path in masks.glob("[!.]*.png")} - {*but}
        if not names:
            raise FewmaskError(
                f"{masks}: no masks here except those of val\n"
                f"  expected: the masks of the training images, NAME.png\n"
                f"  mend: put them there, or correct reader.train_masks"
            )
        return sorted(names)

    def _listed(self, key: str, path: str) -> list[str]:
        mend = f"put the list there, or set reader.{key} to where it lies below {self._root}"
        lines = read_list(self._below(path), self._root, LAYOUT, mend)
        # Published lists name an image by its path and add that of its mask; the settings say which
        # masks are used.
        return [Path(words[0]).stem for _, words in lines]

    def _masks(self, path: str) -> Path:
        folder = self._below(path)
        if not folder.is_dir():
            official = path == OFFICIAL_MASKS
            mend = (
                "unpack VOCtrainval_11-May-2012.tar here"
                if official
                else f"unpack the augmented masks there, or set reader.train_masks to the folder "
                f"that holds them ({OFFICIAL_MASKS}: train on VOC's own)"
            )
            raise FewmaskError(
                f"{folder}: no such folder\n"
                f"  expected: palette masks NAME.png, values 0 to 20, and 255 for ignore\n"
                f"  mend: {mend}"
            )
        return folder

    def _below(self, path: str) -> Path:
        """Where ``path`` lies: below the root, or where the official archive has it."""
        inside = self._root / INSIDE_ARCHIVE / path
        return inside if inside.exists() else self._root / path


def _check_apart(train: list[str], val: list[str], reader: VocSettings) -> None:
    """Raise FewmaskError if training would see test images (trainval.txt holds both)."""
    both = sorted({*train} & {*val})
    if both:
        raise FewmaskError(
            f"reader.train_list: {len(both)} of the {len(train)} names in {reader.train_list} are "
            f"in {reader.val_list} too, {both[0]} for one\n"
            f"  expected: lists that share no name\n"
            f"  mend: set reader.train_list to a list without the images of val"
        )
