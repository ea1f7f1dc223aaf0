"""Cityscapes: leftImg8bit/{subset}/{city}/ and, for train and val, gtFine/ with label ids."""

from dataclasses import replace
from pathlib import Path

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import read_image, read_pair
from fewmask.data.preparation.mask_code import mask_code
from fewmask.data.readers.reader import Item, Sample

LABELLED = ("train", "val")
# -1 is the id of licence plates; in an 8-bit image it would be 255.
OFFICIAL_IDS = (*range(-1, 34), IGNORE)
IMAGES, MASKS = "_leftImg8bit", "_gtFine_labelIds"
ARCHIVES = {
    "leftImg8bit": "leftImg8bit_trainvaltest.zip (train_extra: leftImg8bit_trainextra.zip)",
    "gtFine": "gtFine_trainvaltest.zip",
}


class Reader:
    """The images of train and val, then those of the unlabelled subsets, by city and frame."""

    categories = ()

    def __init__(self, settings: Dataset, root: Path) -> None:
        if settings.mask_values is None:
            raise FewmaskError(
                "mask_values: not given\n"
                "  expected: the class of each id, for example {7: road, 8: sidewalk}\n"
                "  mend: extend config/datasets/cityscapes.yaml, which has the official 19"
            )
        self._root = root
        self._unlabelled = settings.reader.unlabelled
        code = mask_code(settings)
        self._code = replace(code, values=dict.fromkeys(OFFICIAL_IDS, IGNORE) | code.values)

    def items(self) -> list[Item]:
        subsets = [*LABELLED, *self._unlabelled]
        return [item for subset in subsets for item in self._items(subset)]

    def load(self, item: Item) -> Sample:
        if item.mask is None:
            return Sample(read_image(item.image))
        image, mask = read_pair(item.image, item.mask, self._code)
        return Sample(image, {"mask": mask})

    def _items(self, subset: str) -> list[Item]:
        folder = self._folder("leftImg8bit", subset)
        images = sorted(folder.glob(f"*/[!.]*{IMAGES}.png"))
        if not images:
            raise FewmaskError(
                f"{folder}: no images\n"
                f"  expected: CITY/CITY_000000_000019{IMAGES}.png and more\n"
                f"  mend: unpack {ARCHIVES['leftImg8bit']} there"
            )
        masks = self._folder("gtFine", subset) if subset in LABELLED else None
        # Names end in _leftImg8bit, as they do on published lists.
        return [Item(path.stem, subset, image=path, mask=_mask(path, masks)) for path in images]

    def _folder(self, kind: str, subset: str) -> Path:
        folder = self._root / kind / subset
        if not folder.is_dir():
            raise FewmaskError(
                f"{folder}: no such folder\n"
                f"  expected: the official layout: leftImg8bit/SUBSET/CITY/, gtFine/SUBSET/CITY/\n"
                f"  mend: register at www.cityscapes-dataset.com, fetch {ARCHIVES[kind]}\n"
                f"  and unpack it in {self._root}"
            )
        return folder


def _mask(image: Path, masks: Path | None) -> Path | None:
    """Where the mask of an image must be; `Reader.load` notices if it is not."""
    return masks and masks / image.parent.name / image.name.replace(IMAGES, MASKS)
