"""From areas to polygons that, painted with their outlines, cover these areas."""

from collections.abc import Iterator

import numpy as np

TOLERANCE = 0.45
"""How far, in pixels, corners that are left out may lie off the line."""


def polygons(inside: np.ndarray) -> Iterator[np.ndarray]:
    """Polygons, float (n, 2) as x and y, n >= 3, through the outermost pixels of an area.

    ``inside``: bool (h, w), in which each pixel is connected to every other by pixels that share
    edges. An area with holes is cut through these, for polygons have none.
    """
    from scipy import ndimage

    holes = np.flatnonzero((ndimage.binary_fill_holes(inside) & ~inside).any(axis=0))
    if not len(holes):
        yield _outline(inside)
        return
    middle = int(holes[len(holes) // 2])
    for left, half in ((0, inside[:, :middle]), (middle, inside[:, middle:])):
        numbered, count = ndimage.label(half)
        for number in range(1, count + 1):
            for polygon in polygons(numbered == number):
                yield polygon + np.array([left, 0])


def _outline(inside: np.ndarray) -> np.ndarray:
    from contourpy import LineType, contour_generator

    # So near to 1, the line between 1 and 0 runs through the pixels themselves.
    z = np.pad(inside, 1).astype(float)
    [line] = contour_generator(z=z, line_type=LineType.Separate).lines(0.999)
    points = np.round(line[:-1]) - 1
    points = points[(points != np.roll(points, 1, axis=0)).any(axis=1)]
    if len(points) < 2:
        return np.tile(np.round(line[:1]) - 1, (3, 1))
    far = int(np.argmax(np.linalg.norm(points - points[0], axis=1)))
    halves = points[: far + 1], np.concatenate([points[far:], points[:1]])
    kept = np.concatenate([_simplified(half)[:-1] for half in halves])
    return kept if len(kept) > 2 else np.concatenate([kept, kept[-1:]])


def _simplified(line: np.ndarray) -> np.ndarray:
    """The corners of a line that matter (Douglas and Peucker 1973)."""
    kept, pending = {0, len(line) - 1}, [(0, len(line) - 1)]
    while pending:
        start, end = pending.pop()
        along, offsets = line[end] - line[start], line[start + 1 : end] - line[start]
        if not len(offsets):
            continue
        # From the stretch between both ends, not from the line through them: a line one pixel wide
        # is followed beyond an end, and back.
        places = np.clip(offsets @ along / max(along @ along, 1), 0, 1)
        distances = np.linalg.norm(offsets - places[:, None] * along, axis=1)
        farthest = int(np.argmax(distances))
        if distances[farthest] > TOLERANCE:
            kept.add(middle := start + 1 + farthest)
            pending += [(start, middle), (middle, end)]
    return line[sorted(kept)]
