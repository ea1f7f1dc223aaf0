"""A large image within the size of a tile, for figures."""

import numpy as np

from fewmask.data.preparation.fit import place


class Overview:
    """A small copy of an image, made from parts that come one after the other: every pixel takes
    the value of the nearest one."""

    def __init__(self, size: tuple[int, int], frame: tuple[int, int], fill: float) -> None:
        """``size`` of the image, ``frame`` that it must fit into, both height and width; what is
        beside it in the frame is ``fill``."""
        self.extent = place(size, frame, "keep").scaled
        self._frame, self._fill = frame, fill
        self._taken = [
            (2 * np.arange(new) + 1) * old // (2 * new)
            for new, old in zip(self.extent, size, strict=True)
        ]
        self.values: np.ndarray | None = None
        """(height, width, ...) of the frame."""

    def add(self, part: np.ndarray, top: int, left: int = 0) -> None:
        """Add a part of the image, (h, w, ...), which lies at ``top`` and ``left``."""
        if self.values is None:
            self.values = np.full((*self._frame, *part.shape[2:]), self._fill, part.dtype)
        rows, columns = (
            np.flatnonzero((taken >= start) & (taken < start + length))
            for taken, start, length in zip(self._taken, (top, left), part.shape, strict=False)
        )
        inside = np.ix_(self._taken[0][rows] - top, self._taken[1][columns] - left)
        self.values[np.ix_(rows, columns)] = part[inside]
