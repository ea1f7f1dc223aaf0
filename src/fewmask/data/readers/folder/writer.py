"""Masks as palette images, whose values and colours are those of the dataset's masks."""

from pathlib import Path

import numpy as np

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.core.encode import png
from fewmask.core.files import written_whole
from fewmask.data.readers.writer import Annotated

MOST = 255


class Writer:
    """Writes masks/NAME.png. Where a class has no value of 8 bits, the images are RGB instead."""

    def __init__(self, settings: Dataset, root: Path, folder: Path) -> None:
        self._folder = folder / "masks"
        names = [one.name for one in settings.classes]
        meanings = settings.mask_values or dict(enumerate(names)) | {IGNORE: "ignore"}
        values = {name: value for value, name in reversed(meanings.items())}
        known = [*names, "ignore"] if "ignore" in values else names
        self._colours = np.zeros((IGNORE + 1, 3), np.uint8)
        self._colours[: len(names)] = [one.colour for one in settings.classes]
        self._values = None
        if {*known} <= {*values} and all(0 <= values[name] <= MOST for name in known):
            # What a crop left out is of the first class where nothing can be ignored.
            self._values = np.full(IGNORE + 1, values.get("ignore", values[names[0]]), np.uint8)
            self._values[: len(names)] = [values[name] for name in names]

    def add(self, annotated: Annotated) -> None:
        """Write the mask of an image."""
        path = self._folder / f"{annotated.name}.png"
        with written_whole(path) as temporary:
            if self._values is None:
                temporary.write_bytes(png(self._colours[annotated.mask]))
            else:
                self._write_palette(temporary, annotated.mask)

    def _write_palette(self, path: Path, mask: np.ndarray) -> None:
        from PIL import Image

        palette = np.zeros((MOST + 1, 3), np.uint8)
        palette[self._values] = self._colours
        image = Image.fromarray(self._values[mask])
        image.putpalette(palette.tobytes())
        image.save(path, "PNG")

    def close(self) -> None:
        """Nothing is left to write."""
