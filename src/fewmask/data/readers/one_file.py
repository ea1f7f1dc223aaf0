"""The items of readers that have one file of annotations for all images of a folder."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_files import images_below, is_inside
from fewmask.data.readers.natural import natural
from fewmask.data.readers.reader import Item
from fewmask.data.readers.shape_settings import OneFileSettings
from fewmask.data.readers.shapes import Labels


class OneFileReader:
    """Base of these readers."""

    categories = ()

    def __init__(self, settings: Dataset, root: Path) -> None:
        self._root, self._options = root, settings.reader
        self._labels = Labels(settings)
        self._channels = settings.stored_channels


def needs_package(module: str, reader: str) -> Any:
    """A module that only some readers need. Raises FewmaskError if it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise FewmaskError(
            f"the reader {reader} needs the package {package}: {error}\n"
            f"  mend: install it: pip install {package} (uv run installs it)"
        ) from None


def annotation_file(root: Path, options: OneFileSettings) -> Path:
    """The file of annotations. Raises FewmaskError if it is missing, or lies elsewhere."""
    path = root / options.annotations
    if not path.is_file():
        raise FewmaskError(
            f"{path}: no such file\n  expected: the annotations of the images\n"
            f"  mend: put it there, or correct reader.annotations"
        )
    if not is_inside(path, root):
        raise FewmaskError(
            f"{path}: found a file outside the dataset's folder\n"
            f"  expected: a file in {root}\n  mend: copy it into the folder"
        )
    return path


def items_of(root: Path, options: OneFileSettings, annotated: Mapping[str, Any]) -> list[Item]:
    """All images that are in the folder or in the file, sorted by name with numbers in order.

    Args:
        root: the folder of the dataset.
        options: of the reader.
        annotated: what the file says of an image, by its path below the folder of images; what is
            false says nothing, and the image is unlabelled.
    """
    folder, path = root / options.images, root / options.annotations
    found = {image.relative_to(folder).as_posix() for image in images_below(folder)}
    items = [
        Item(
            name=Path(name).with_suffix("").as_posix(),
            image=folder / name,
            mask=path if annotated.get(name) else None,
            annotation=annotated.get(name),
        )
        for name in {*found, *annotated}
    ]
    return sorted(items, key=lambda item: natural(item.name))
