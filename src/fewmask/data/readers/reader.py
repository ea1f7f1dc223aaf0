"""What a reader is: it knows where the files of an image are and what they contain.

Sizes and storage are the business of `fewmask.data.preparation.prepare`, which calls ``load`` in
several processes.
"""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.core.files import check_folder


@dataclass(frozen=True)
class Item:
    """One image of a dataset before it is loaded; small, so that it can be sent to a process."""

    name: str
    """Unique in the dataset, like a path without its ending: ``Abyssinian_1``."""
    subset: str = ""
    """The official subset that the image belongs to, if any."""
    category: int | None = None
    """Index into the reader's categories, if it is known before the image is loaded."""
    image: Path | None = None
    """File of the image; None if no file is read."""
    mask: Path | None = None
    """File of the mask; None: the image is unlabelled."""
    needs_mask: bool = False
    """Whether it is an error if there is no mask."""
    annotation: Any = None
    """What the file of the mask says of this image, where one file is of all images."""


@dataclass(frozen=True)
class Sample:
    """A loaded image and what is known about its pixels, at its original size."""

    image: np.ndarray  # uint8 (H, W, 3), or (H, W, C) as it is stored
    truth: dict[str, np.ndarray] = field(default_factory=dict)
    """The truth of tasks, by their fields of the store; an unlabelled image has no ``mask``."""
    category: int | None = None
    """Index into the reader's categories."""
    notes: dict[str, int] = field(default_factory=dict)
    """What users should know of the annotation, and how often it occurs."""


class Reader(Protocol):
    """What ``fewmask.data.readers.NAME.reader`` defines as its class ``Reader(settings, root)``.

    It must be cheap to make: every process makes its own.
    """

    categories: tuple[str, ...]
    """The categories that an image may have; empty if images have none."""

    def items(self) -> list[Item]:
        """All images, always in the same order. Raises FewmaskError."""
        ...

    def load(self, item: Item) -> Sample:
        """Read one image. Raises ImageError if its files are missing or inconsistent."""
        ...


def open_reader(settings: Dataset, data: Path) -> Reader:
    """The reader that ``settings`` name, for files below the data folder ``data``."""
    module = import_module(f"fewmask.data.readers.{settings.reader.name}.reader")
    return module.Reader(settings, data / (settings.root or ""))


def has_files(root: Path) -> bool:
    """Whether a dataset's folder exists and is not empty. Raises FewmaskError for a file."""
    try:
        check_folder(root, "a dataset")
        return root.is_dir() and any(root.iterdir())
    except PermissionError:
        raise FewmaskError(
            f"{root}: no permission to look into this folder\n  mend: chmod u+rx, or ask its owner"
        ) from None
