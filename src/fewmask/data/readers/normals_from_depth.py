"""Surface normals from depths.

Coordinates are those of the camera: x to the right, y down, z away from it. The surface at a pixel
is spanned by the difference between the points left and right of it and by that between the points
above and below it. Its normal is the cross product of the two, towards the camera.
"""

from dataclasses import dataclass

import numpy as np

JUMP = 0.05
"""A relative change of depth from which on a pixel lies at an edge and not on a surface."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera, in pixels: it sees pixel (row, column), counted from 0, along
    ((column - column_of_axis) / fx, (row - row_of_axis) / fy, 1)."""

    fx: float
    fy: float
    column_of_axis: float
    row_of_axis: float


def normals_from_depth(depth: np.ndarray, camera: Camera, reach: int = 1) -> np.ndarray:
    """The normals of the visible surfaces.

    Args:
        depth: float (H, W), metres along the optical axis, 0 = not known.
        camera: the camera that saw the depths.
        reach: the distance to the neighbours in pixels: more for noisy depths.

    Returns:
        float32 (H, W, 3), unit vectors; 0 where the depth of the pixel or of a neighbour is not
        known, at the edges of things, and within ``reach`` of the image's border.
    """
    height, width = depth.shape
    normal = np.zeros((height, width, 3), np.float32)
    if min(height, width) <= 2 * reach:
        return normal
    points = _points(depth.astype(np.float64), camera)
    centre, *around = (
        points[reach + down : height - reach + down, reach + right : width - reach + right]
        for down, right in ((0, 0), (-reach, 0), (reach, 0), (0, -reach), (0, reach))
    )
    above, below, left, right = around
    cross = np.cross(below - above, right - left)
    length = np.linalg.norm(cross, axis=-1, keepdims=True)
    depths = [one[..., 2] for one in (centre, above, below, left, right)]
    known = np.all([one > 0 for one in depths], axis=0) & (length[..., 0] > 0)
    known &= _is_smooth(*depths[:3]) & _is_smooth(depths[0], *depths[3:])
    inside = np.s_[reach : height - reach, reach : width - reach]
    np.divide(cross, length, out=normal[inside], where=known[..., None], casting="same_kind")
    return normal


def _points(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """The visible points, (H, W, 3), in metres."""
    rows, columns = np.indices(depth.shape)
    x = (columns - camera.column_of_axis) / camera.fx
    y = (rows - camera.row_of_axis) / camera.fy
    return np.stack([x * depth, y * depth, depth], axis=-1)


def _is_smooth(centre: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where depths change evenly. Along a plane, however steep, 1 / depth changes evenly."""
    with np.errstate(divide="ignore", invalid="ignore"):
        bend = centre * (1 / before + 1 / after - 2 / centre)
    return np.abs(bend) < JUMP
