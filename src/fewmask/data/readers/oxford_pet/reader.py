"""Oxford-IIIT Pet (Parkhi, Vedaldi, Zisserman and Jawahar, 2012) in its official layout.

The files are ``images/NAME.jpg``, ``annotations/trimaps/NAME.png`` and three lists with lines
``NAME class species id``: ``annotations/list.txt`` has all images, ``trainval.txt`` and
``test.txt`` have the official subsets. An image without a trimap is unlabelled.
"""

from dataclasses import dataclass
from pathlib import Path

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import read_image, read_pair
from fewmask.data.preparation.mask_code import mask_code
from fewmask.data.readers.reader import Item, Sample
from fewmask.data.splits.lists import read_list

SPECIES = ("cat", "dog")
BREEDS = (
    "Abyssinian", "american_bulldog", "american_pit_bull_terrier", "basset_hound", "beagle",
    "Bengal", "Birman", "Bombay", "boxer", "British_Shorthair", "chihuahua", "Egyptian_Mau",
    "english_cocker_spaniel", "english_setter", "german_shorthaired", "great_pyrenees", "havanese",
    "japanese_chin", "keeshond", "leonberger", "Maine_Coon", "miniature_pinscher", "newfoundland",
    "Persian", "pomeranian", "pug", "Ragdoll", "Russian_Blue", "saint_bernard", "samoyed",
    "scottish_terrier", "shiba_inu", "Siamese", "Sphynx", "staffordshire_bull_terrier",
    "wheaten_terrier", "yorkshire_terrier",
)  # fmt: skip
CATEGORIES = {"species": SPECIES, "breed": BREEDS}
SUBSETS = ("trainval", "test")


@dataclass(frozen=True)
class _Line:
    name: str
    breed: int  # from 0
    species: int  # from 0


class Reader:
    """The images of ``annotations/list.txt``, in its order."""

    def __init__(self, settings: Dataset, root: Path) -> None:
        self._root = root
        self._category = settings.reader.category
        self._code = mask_code(settings)
        self.categories = CATEGORIES[self._category]

    def items(self) -> list[Item]:
        annotations = self._root / "annotations"
        subset_of = {
            line.name: subset
            for subset in SUBSETS
            for line in _read_list(annotations / f"{subset}.txt", self._root)
        }
        # One listing of the folder: asking for every file takes long on a network drive.
        trimaps = {path.stem: path for path in (annotations / "trimaps").glob("[!.]*.png")}
        return [
            Item(
                name=line.name,
                subset=subset_of.get(line.name, ""),
                category=getattr(line, self._category),
                image=self._root / "images" / f"{line.name}.jpg",
                mask=trimaps.get(line.name),
            )
            for line in _read_list(annotations / "list.txt", self._root)
        ]

    def load(self, item: Item) -> Sample:
        # The trimaps were drawn on the stored pixels, whatever EXIF says.
        if item.mask is None:
            return Sample(read_image(item.image, upright=False), category=item.category)
        image, mask = read_pair(item.image, item.mask, self._code, upright=False)
        return Sample(image, {"mask": mask}, item.category)


def _read_list(path: Path, root: Path) -> list[_Line]:
    layout = (
        "the official layout: images/, annotations/trimaps/, annotations/list.txt, trainval.txt "
        "and test.txt"
    )
    lines = read_list(
        path, root, layout, "unpack images.tar.gz and annotations.tar.gz side by side"
    )
    return [_parse(words, place) for place, words in lines if not words[0].startswith("#")]


def _parse(words: list[str], place: str) -> _Line:
    try:
        name, breed, species, _ = words
        parsed = _Line(name, int(breed) - 1, int(species) - 1)
        if not (0 <= parsed.breed < len(BREEDS) and 0 <= parsed.species < len(SPECIES)):
            raise ValueError
    except ValueError:
        raise FewmaskError(
            f"{place}: found {' '.join(words)!r}\n"
            f"  expected: a name, a class from 1 to 37, a species (1 cat, 2 dog) and an id"
        ) from None
    return parsed
