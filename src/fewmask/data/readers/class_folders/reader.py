"""One folder of images for every category, without masks: ``FOLDER/CATEGORY/NAME.jpg``.

Cats vs Dogs (Elson, Douceur, Howell and Saul, 2007) has this layout, which is also that of
torchvision's ImageFolder. The categories are the folders in alphabetical order.
"""

from functools import cached_property
from pathlib import Path

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import read_image
from fewmask.data.preparation.image_files import images_below
from fewmask.data.readers.reader import Item, Sample


class Reader:
    """The images of all class folders, by category and then by path."""

    def __init__(self, settings: Dataset, root: Path) -> None:
        self._folder = root / settings.reader.folder
        self._leave_out = set(settings.reader.leave_out)
        self._channels = settings.stored_channels

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The names of the folders."""
        try:
            paths = sorted(self._folder.iterdir())
        except OSError as error:
            raise FewmaskError(self._explain(f"{error.strerror}")) from None
        names = tuple(path.name for path in paths if path.is_dir() and path.name[0] != ".")
        if not names:
            raise FewmaskError(self._explain("no folder in it"))
        return names

    def items(self) -> list[Item]:
        items = [
            item
            for category, name in enumerate(self.categories)
            for item in self._items_of(category, name)
        ]
        return [item for item in items if item.name not in self._leave_out]

    def load(self, item: Item) -> Sample:
        image = read_image(item.image, channels=self._channels)
        return Sample(image, category=item.category)

    def _items_of(self, category: int, name: str) -> list[Item]:
        folder = self._folder / name
        paths = images_below(folder)
        if not paths:
            raise FewmaskError(
                f"{folder}: no images in it\n"
                f"  expected: images of the category {name}\n"
                f"  mend: put some there, or remove the folder"
            )
        return [
            Item(path.relative_to(self._folder).with_suffix("").as_posix(), "", category, path)
            for path in paths
        ]

    def _explain(self, found: str) -> str:
        return (
            f"{self._folder}: {found}\n"
            f"  expected: a folder with one folder of images for every category\n"
            f"  mend: unpack the images there, or correct root and reader.folder"
        )
