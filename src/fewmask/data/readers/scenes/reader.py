"""The built-in dataset: rooms, rendered at the requested size."""

from pathlib import Path

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.mask_code import mask_code, to_classes
from fewmask.data.readers.reader import Item, Sample
from fewmask.data.rendered.scenes import CATEGORIES, CLASSES, render

PREFIX = "scene_"


class Reader:
    """``images`` rooms with exact masks, depths and normals."""

    categories = CATEGORIES

    def __init__(self, settings: Dataset, root: Path) -> None:
        rendered = [name for name, _ in CLASSES]
        if settings.mask_values is None and [one.name for one in settings.classes] != rendered:
            raise FewmaskError(
                f"classes: found {', '.join(one.name for one in settings.classes)}\n"
                f"  expected: the classes of the scenes: {', '.join(rendered)}\n"
                f"  mend: list these, or map in mask_values the values 0 to "
                f"{len(rendered) - 1} to your classes"
            )
        self._reader = settings.reader
        self._height_width = settings.height_width
        self._code = mask_code(settings)

    def items(self) -> list[Item]:
        return [Item(f"{PREFIX}{i:05d}") for i in range(self._reader.images)]

    def load(self, item: Item) -> Sample:
        index = int(item.name.removeprefix(PREFIX))
        scene = render(self._reader.seed, index, *self._height_width)
        mask = to_classes(scene.mask, self._code, item.name)
        return Sample(scene.image, scene.truth | {"mask": mask}, scene.category)
