"""LabelMe (Wada): one JSON file beside each image, with polygons, rectangles, circles and masks.

Keys: ``imageHeight``, ``imageWidth``, and ``shapes``, each with ``label``, ``shape_type``,
``points`` [[x, y], ...] and, for masks, a PNG in base64 between two corners. An image without a
JSON file is unlabelled; a file without shapes says that all is background.
"""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.data.preparation.decode import read_image
from fewmask.data.preparation.image_error import ImageError, image_error
from fewmask.data.readers.folder.reader import Reader as FolderReader
from fewmask.data.readers.reader import Item, Sample
from fewmask.data.readers.shapes import Canvas, Labels, read_image_of

WHOLE = "a JSON file of LabelMe, with imageHeight, imageWidth and shapes"
WITHOUT_AREA = ("point", "points", "line", "linestrip")


class Reader(FolderReader):
    """The images of a folder, whose masks are painted from JSON files."""

    def __init__(self, settings: Dataset, root: Path) -> None:
        super().__init__(settings, root)
        self._labels = Labels(settings)

    def load(self, item: Item) -> Sample:
        if item.mask is None:
            return Sample(read_image(item.image, channels=self._channels))
        try:
            content = json.loads(item.mask.read_text(encoding="utf-8"))
            height, width = content["imageHeight"], content["imageWidth"]
            shapes = [(one["label"], one["shape_type"], one) for one in content["shapes"]]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            what = "values of other types" if isinstance(error, TypeError) else str(error)[:80]
            found = f"damaged data ({type(error).__name__}: {what})"
            raise image_error(item.mask, found, WHOLE) from None
        image = read_image_of(item.image, (height, width), item.mask, self._channels)
        canvas = Canvas(image.shape[:2], self._labels, item.mask)
        for label, kind, shape in shapes:
            _paint(canvas, label, kind, shape)
        return canvas.sample(image)


def _paint(canvas: Canvas, label: str, kind: str, shape: dict[str, Any]) -> None:
    points = shape.get("points")
    if kind in WITHOUT_AREA:
        canvas.no_area()
    elif kind == "polygon":
        canvas.polygon(label, points)
    elif kind == "rectangle":
        (left, top), (right, bottom) = _two(canvas, label, points)
        canvas.polygon(label, [(left, top), (right, top), (right, bottom), (left, bottom)])
    elif kind == "circle":
        centre, on_edge = _two(canvas, label, points)
        canvas.ellipse(label, centre, np.full(2, np.linalg.norm(on_edge - centre)))
    elif kind == "mask":
        (left, top), _ = _two(canvas, label, points)
        canvas.bitmap(label, _decoded(canvas, label, shape.get("mask")), round(top), round(left))
    else:
        known = "polygon, rectangle, circle, mask, " + ", ".join(WITHOUT_AREA)
        raise canvas.error(label, f"the shape_type {str(kind)[:40]!r}", known)


def _two(canvas: Canvas, label: str, points: object) -> np.ndarray:
    corners = canvas.checked(label, points, least=2)
    if len(corners) != 2:
        raise canvas.error(label, f"{len(corners)} points", "two points")
    return corners


def _decoded(canvas: Canvas, label: str, text: object) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(base64.b64decode(str(text))), formats=["PNG"]) as image:
            return np.asarray(image.convert("L")) > 0
    except Exception as error:  # decoders raise nearly anything
        raise _undecodable(canvas, label, error) from None


def _undecodable(canvas: Canvas, label: str, error: Exception) -> ImageError:
    return canvas.error(label, f"a mask that cannot be decoded ({error})", "a PNG in base64")
