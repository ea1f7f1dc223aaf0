"""Masks as areas with labels, which is what programs that draw shapes work with."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fewmask.config.dataset import Dataset


@dataclass(frozen=True)
class Area:
    """Neighbouring pixels of one class."""

    label: str
    top: int
    left: int
    inside: np.ndarray
    """bool (h, w), as small as it can be; its corner lies at ``top`` and ``left``."""


class Areas:
    """Finds the areas of masks. Pixels outside all areas are what the dataset's reader takes them
    for: its ``background``, else the first class; pixels that are ignored are among them."""

    def __init__(self, settings: Dataset) -> None:
        options, names = settings.reader, [one.name for one in settings.classes]
        label_of = {name: label for label, name in reversed(options.labels.items())}
        self._background = options.background or names[0]
        self.labels = {
            i: label_of.get(name, name) for i, name in enumerate(names) if name != self._background
        }
        """The labels of the classes that have areas, by the index of the class."""

    def of(self, mask: np.ndarray, diagonal: bool = True) -> Iterator[Area]:
        """The areas of a mask, uint8 (H, W), class by class.

        ``diagonal``: whether pixels that touch at a corner are neighbours.
        """
        from scipy import ndimage

        neighbours = np.ones((3, 3)) if diagonal else None
        for index, label in self.labels.items():
            numbered, _ = ndimage.label(mask == index, neighbours)
            for i, window in enumerate(ndimage.find_objects(numbered), start=1):
                yield Area(label, window[0].start, window[1].start, numbered[window] == i)
