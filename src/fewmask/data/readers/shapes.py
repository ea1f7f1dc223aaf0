"""Masks that are painted from shapes with labels.

Where shapes of several classes overlap, the class counts that is last in ``classes``, and an
ignored label before any class. So the order in which shapes were drawn does not matter. A shape
that leaves the image is cut off at its edges.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.data.preparation.decode import read_image
from fewmask.data.preparation.image_error import ImageError, image_error
from fewmask.data.readers.reader import Sample

UNPAINTED = -1
FAR = 10
"""Coordinates farther away than this many times the image's size are no overshoot of a drawing."""
OVERLAP = "pixels in shapes of several classes, of which the last in classes counts"
CUT_OFF = "shapes that leave the image, and are cut off at its edges"
NO_AREA = "shapes without an area (points, lines), which are left out"


class Labels:
    """What the labels of a dataset's shapes mean."""

    def __init__(self, settings: Dataset) -> None:
        index = {one.name: i for i, one in enumerate(settings.classes)} | {"ignore": IGNORE}
        options = settings.reader
        named = {name: i for name, i in index.items() if name != "ignore"}
        self.indices = named | {label: index[name] for label, name in options.labels.items()}
        self.background = 0 if options.background is None else index[options.background]


class Canvas:
    """The mask of one image, onto which shapes are painted.

    All methods that paint raise ImageError for an unknown label, and for a shape that makes no
    sense.
    """

    def __init__(self, size: tuple[int, int], labels: Labels, source: Path) -> None:
        """``size``: height and width of the image; ``source``: the file of the shapes."""
        self.size, self._labels, self.source = size, labels, source
        self._painted = np.full(size, UNPAINTED, np.int16)
        self._overlap = np.zeros(size, bool)
        self._notes: Counter[str] = Counter()

    def polygon(self, label: str, points: object) -> None:
        """Paint a polygon of three or more points (x, y), and its outline, as LabelMe does."""
        from PIL import Image, ImageDraw

        corners = self.checked(label, points, least=3)
        inside = Image.new("1", self.size[::-1])
        ImageDraw.Draw(inside).polygon(list(map(tuple, corners.tolist())), fill=1, outline=1)
        self.paint(label, np.asarray(inside))

    def ellipse(self, label: str, centre: object, radii: object, degrees: float = 0) -> None:
        """Paint an ellipse of the radii along x and y, turned clockwise."""
        (x, y), (along_x, along_y) = (np.asarray(one, float) for one in (centre, radii))
        if not np.isfinite([along_x, along_y, degrees]).all() or min(along_x, along_y) < 0:
            found = f"radii of {along_x:g} and {along_y:g}, turned by {degrees:g} degrees"
            raise self.error(label, found, "radii of 0 or more")
        ends = [(x - along_x, y - along_y), (x + along_x, y + along_y)]
        self.checked(label, ends if degrees == 0 else [(x, y)], least=1)
        down, right = np.indices(self.size) + 0.5
        turned = np.exp(-1j * np.deg2rad(degrees)) * ((right - x) + 1j * (down - y))
        shares = (turned.real / max(along_x, 0.5)) ** 2 + (turned.imag / max(along_y, 0.5)) ** 2
        self.paint(label, shares <= 1)

    def bitmap(self, label: str, inside: np.ndarray, top: int = 0, left: int = 0) -> None:
        """Paint the pixels that are True in a bool (h, w) whose corner lies at row and column."""
        height, width = inside.shape
        corners = [(left, top), (left + width, top + height)]
        self.checked(label, corners, least=2)
        whole = np.zeros(self.size, bool)
        part = inside[max(0, -top) :, max(0, -left) :]
        top, left = max(0, top), max(0, left)
        window = whole[top : top + part.shape[0], left : left + part.shape[1]]
        window[:] = part[: window.shape[0], : window.shape[1]]
        self.paint(label, whole)

    def no_area(self) -> None:
        """Note a shape that covers no pixels."""
        self._notes[NO_AREA] += 1

    def ignore(self, inside: np.ndarray) -> None:
        """Ignore where a bool (H, W) is True and nothing is painted."""
        self._painted[inside & (self._painted == UNPAINTED)] = IGNORE

    def paint(self, label: str, inside: np.ndarray) -> None:
        """Paint where a bool (H, W) is True."""
        index = self._index(label)
        below = self._painted[inside]
        self._overlap[inside] |= (below != UNPAINTED) & (below != index)
        self._painted[inside] = np.maximum(below, index)

    def checked(self, label: str, points: object, least: int) -> np.ndarray:
        """Points (x, y) as float (n, 2), of which there must be ``least``."""
        self._index(label)
        try:
            array = np.asarray(points, float)
            if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
                raise ValueError
        except (ValueError, TypeError, OverflowError):
            raise self.error(label, "points that are no pairs of numbers", "x and y each") from None
        if len(array) < least:
            raise self.error(label, f"{len(array)} points", f"{least} points or more")
        limits = np.array(self.size[::-1])
        if (np.abs(array) > FAR * limits).any() or self._is_outside(array):
            raise self.error(
                label,
                "points far outside the image",
                f"points in an image of {limits[0]} x {limits[1]} (width x height)",
            )
        if ((array < -1) | (array > limits + 1)).any():
            self._notes[CUT_OFF] += 1
        return array

    def _is_outside(self, points: np.ndarray) -> bool:
        low, high = points.min(axis=0), points.max(axis=0)
        return bool((high < 0).any() or (low > np.array(self.size[::-1])).any())

    def sample(self, image: np.ndarray) -> Sample:
        """The image with the mask as painted."""
        background = self._painted == UNPAINTED
        mask = np.where(background, self._labels.background, self._painted).astype(np.uint8)
        if overlap := int(self._overlap.sum()):
            self._notes[OVERLAP] += overlap
        return Sample(image, {"mask": mask}, notes=dict(self._notes))

    def error(self, label: object, found: str, expected: str) -> ImageError:
        """The error of a shape."""
        return image_error(
            self.source, f"a shape {label!r} with {found}", expected, "correct or remove the shape"
        )

    def _index(self, label: str) -> int:
        if not isinstance(label, str) or label not in self._labels.indices:
            known = ", ".join(self._labels.indices)
            raise image_error(
                self.source,
                f"the label {str(label)[:80]!r}, which is no class",
                known,
                f"say in the dataset's YAML what it means: reader: {{labels: {{{label}: ...}}}} "
                f"(a class, or ignore); or add it to classes",
            )
        return self._labels.indices[label]


def read_image_of(
    path: Path, stated: tuple[object, object], source: Path, channels: int | None
) -> np.ndarray:
    """An image that has the height and width which its annotation states, (H, W, C).

    It is upright, or, where only that fits, as it is stored. ``channels`` as of `read_image`.
    Raises ImageError.
    """
    for upright in (True, False):
        image = read_image(path, upright, channels)
        if stated == image.shape[:2]:
            return image
    raise image_error(
        source,
        f"annotations of an image of {stated[1]} x {stated[0]} (width x height)",
        f"{image.shape[1]} x {image.shape[0]}, the size of {path}",
        "annotate this very image, or put back the one that was annotated",
    )
