"""Polygons and runs in COCO's format, painted by pycocotools."""

import re

import numpy as np

from fewmask.data.readers.shapes import Canvas

COMPRESSED = re.compile("([P-o]{0,6}[0-O])+")
"""Six bits for each character, the highest of which says that the number goes on; no run is so long
that it needs more than seven."""


def inside(canvas: Canvas, label: str, segmentation: object) -> np.ndarray:
    """Which pixels a segmentation covers, bool (H, W). Raises ImageError if it makes no sense."""
    from pycocotools import mask

    if isinstance(segmentation, list):
        polygons = [_polygon(canvas, label, one) for one in segmentation]
        return painted(polygons, canvas.size)
    runs = {"size": list(canvas.size), "counts": _counts(canvas, label, segmentation)}
    return mask.decode(mask.frPyObjects(runs, *canvas.size)).astype(bool)


def painted(polygons: list[list[float]], size: tuple[int, int]) -> np.ndarray:
    """Which pixels of an image of a size polygons [x, y, x, y, ...] cover, bool (H, W)."""
    from pycocotools import mask

    return mask.decode(mask.merge(mask.frPyObjects(polygons, *size))).astype(bool)


def _polygon(canvas: Canvas, label: str, numbers: object) -> list[float]:
    if not isinstance(numbers, list) or len(numbers) % 2:
        raise canvas.error(label, "a polygon that is no list of pairs", "[x, y, x, y, ...]")
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    return canvas.checked(label, pairs, least=3).ravel().tolist()


def _counts(canvas: Canvas, label: str, segmentation: object) -> list[int]:
    """The lengths of runs that cover the image: pycocotools trusts what it is given."""
    if not isinstance(segmentation, dict):
        raise _broken(canvas, label, f"{type(segmentation).__name__} instead of them")
    counts, size = segmentation.get("counts"), segmentation.get("size")
    if size != list(canvas.size):
        raise _broken(canvas, label, f"size {size}, in an image of {list(canvas.size)}")
    if isinstance(counts, str) and COMPRESSED.fullmatch(counts):
        counts = _uncompressed(counts)
    if not isinstance(counts, list) or not all(type(one) is int and one >= 0 for one in counts):
        raise _broken(canvas, label, "counts that are neither numbers nor their compressed form")
    if sum(counts) != canvas.size[0] * canvas.size[1]:
        raise _broken(canvas, label, f"{sum(counts)} pixels")
    return counts


def _uncompressed(text: str) -> list[int]:
    """The lengths of runs, each of which from the third on is stored as the difference to the one
    before the last: five bits a character, the lowest first, in two's complement."""
    counts: list[int] = []
    value = shift = 0
    for code in (ord(character) - 48 for character in text):
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            value -= (code & 16) << shift - 4
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts


def _broken(canvas: Canvas, label: str, found: str) -> Exception:
    height, width = canvas.size
    return canvas.error(label, f"damaged runs ({found})", f"runs of {height * width} pixels in all")


def runs_of(inside: np.ndarray, top: int, left: int, size: tuple[int, int]) -> dict[str, object]:
    """The compressed runs of the pixels that are True in a bool (h, w), whose corner lies at row
    ``top`` and column ``left`` of an image of ``size``, height and width."""
    from pycocotools import mask

    whole = np.zeros(size, np.uint8, order="F")
    whole[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    runs = mask.encode(whole)
    return {"size": list(size), "counts": runs["counts"].decode("ascii")}
