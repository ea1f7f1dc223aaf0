"""CVAT's XML, "CVAT for images 1.1": one file with the shapes of all images.

``<image name width height>`` holds ``<polygon points="x,y;...">``, ``<box xtl ytl xbr ybr
rotation>``, ``<ellipse cx cy rx ry rotation>`` and ``<mask rle left top width height>``, each with
a ``label``. The runs of a mask alternate outside and inside, row by row. Entities, with
which a small file can fill the memory, and external documents are refused.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import read_image
from fewmask.data.readers.coco.segments import painted
from fewmask.data.readers.one_file import OneFileReader, annotation_file, items_of, needs_package
from fewmask.data.readers.reader import Item, Sample
from fewmask.data.readers.shapes import FAR, Canvas, read_image_of

AREAS = ("polygon", "box", "ellipse", "mask")
WITHOUT_AREA = ("polyline", "points", "skeleton", "cuboid")
Shape = tuple[str, dict[str, str]]
"""The kind of a shape and its attributes."""


class Reader(OneFileReader):
    """The images of a folder, whose masks are painted from one XML file."""

    def items(self) -> list[Item]:
        needs_package("pycocotools.mask", "cvat")
        path = annotation_file(self._root, self._options)
        annotated: dict[str, Any] = {}
        for image in _tree(path).iter("image"):
            name = image.get("name", "").replace("\\", "/")
            shapes = [(one.tag, dict(one.attrib)) for one in image if one.tag != "tag"]
            size = tuple(_number(image.get(key)) for key in ("height", "width"))
            is_known = bool(shapes) or self._options.without_shapes == "background"
            if not PurePosixPath(name).name:
                raise _damaged(path, f"the image {name!r}, which is no name of a file")
            if name in annotated:
                raise _damaged(path, f"the image {name} occurs twice")
            annotated[name] = (*size, shapes) if is_known else None
        if not annotated:
            raise _damaged(path, "no <image>")
        return items_of(self._root, self._options, annotated)

    def load(self, item: Item) -> Sample:
        if item.mask is None:
            return Sample(read_image(item.image, channels=self._channels))
        height, width, shapes = item.annotation
        image = read_image_of(item.image, (height, width), item.mask, self._channels)
        canvas = Canvas(image.shape[:2], self._labels, item.mask)
        for shape in shapes:
            _paint(canvas, shape, item.name)
        return canvas.sample(image)


def _tree(path: Path) -> Any:
    defused = needs_package("defusedxml.ElementTree", "cvat")
    try:
        return defused.parse(path).getroot()
    except (OSError, ValueError, SyntaxError) as error:  # ParseError and DefusedXmlException
        raise _damaged(path, str(error) or type(error).__name__) from None


def _damaged(path: Path, found: str) -> FewmaskError:
    return FewmaskError(
        f"{path}: cannot be read as annotations: {found}\n"
        f'  expected: an XML file of CVAT, exported as "CVAT for images 1.1"\n'
        f"  mend: export it again"
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch("[0-9]{1,9}", text) else None


def _paint(canvas: Canvas, shape: Shape, image: str) -> None:
    kind, values = shape
    label = values.get("label", "")
    if not label:
        raise canvas.error(label, f"no label, in the image {image}", "a label of every shape")
    if kind in WITHOUT_AREA:
        canvas.no_area()
        return
    if kind not in AREAS:
        raise canvas.error(label, f"the kind {kind[:40]!r}", ", ".join((*AREAS, *WITHOUT_AREA)))
    try:
        _paint_area(canvas, kind, label, values)
    except (KeyError, ValueError) as error:
        found = f"attributes that are missing or no numbers ({error}), in the image {image}"
        raise canvas.error(label, found, f"a whole <{kind}>") from None


def _paint_area(canvas: Canvas, kind: str, label: str, values: dict[str, str]) -> None:
    def numbers(*names: str) -> list[float]:
        return [float(values[name]) for name in names]

    degrees = float(values.get("rotation", 0))
    if kind == "polygon":
        pairs = values["points"].split(";")
        _paint_polygon(canvas, label, [[float(one) for one in pair.split(",")] for pair in pairs])
    elif kind == "box":
        corners = _corners(*numbers("xtl", "ytl", "xbr", "ybr"), degrees)
        _paint_polygon(canvas, label, corners)
    elif kind == "ellipse":
        canvas.ellipse(label, numbers("cx", "cy"), numbers("rx", "ry"), degrees)
    else:
        left, top, width, height = (int(values[key]) for key in ("left", "top", "width", "height"))
        runs = [int(one) for one in values["rle"].split(",")]
        if width > FAR * canvas.size[1] or height > FAR * canvas.size[0]:
            raise canvas.error(label, "a mask far larger than the image", "one that fits into it")
        if min(runs) < 0 or min(width, height) < 1 or sum(runs) != width * height:
            raise canvas.error(label, f"runs of {sum(runs)} pixels", f"{width} x {height}")
        inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
        canvas.bitmap(label, inside, top, left)


def _paint_polygon(canvas: Canvas, label: str, points: object) -> None:
    """As CVAT does where it exports masks: by pycocotools."""
    corners = canvas.checked(label, points, least=3)
    canvas.paint(label, painted([corners.ravel().tolist()], canvas.size))


def _corners(
    left: float, top: float, right: float, bottom: float, degrees: float
) -> list[tuple[float, float]]:
    """The corners of a box that is turned clockwise around its centre."""
    centre = complex(left + right, top + bottom) / 2
    turn = np.exp(1j * np.deg2rad(degrees))
    corners = [
        complex(x, y) for x, y in [(left, top), (right, top), (right, bottom), (left, bottom)]
    ]
    turned = [centre + turn * (corner - centre) for corner in corners]
    return [(one.real, one.imag) for one in turned]
