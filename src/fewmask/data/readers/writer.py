"""What a writer is: it writes masks in the format in which a reader reads them, for people to
correct in the programs that draw such masks."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from fewmask.config.dataset import Dataset


@dataclass(frozen=True)
class Annotated:
    """An image and a mask of it."""

    name: str
    """The name of the image, like a path without its ending."""
    file: Path | None
    """Its file; None if it has none of its own."""
    mask: np.ndarray
    """At the image's own size, uint8 (H, W): classes, `IGNORE` where nothing is known."""

    @property
    def file_name(self) -> str:
        """The name with the ending of the file."""
        return f"{self.name}{self.file.suffix if self.file else ''}"


class Writer(Protocol):
    """What ``fewmask.data.readers.NAME.writer`` defines as its class
    ``Writer(settings, root, folder)``: ``root`` is the folder of the dataset, ``folder`` the one to
    write to."""

    def add(self, annotated: Annotated) -> None:
        """Write the mask of an image, or keep it for ``close``."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


def open_writer(settings: Dataset, root: Path, folder: Path) -> Writer:
    """The writer of the format that a dataset's reader reads; of readers without one, that of PNG
    files."""
    own = f"fewmask.data.readers.{settings.reader.name}.writer"
    name = own if find_spec(own) else "fewmask.data.readers.folder.writer"
    return import_module(name).Writer(settings, root, folder)
