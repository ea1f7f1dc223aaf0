"""Convex solids and where rays meet them: the geometry behind `fewmask.data.rendered.scenes`.

Every solid is a unit solid, which fits into the cube [-1, 1]³, scaled, rotated and moved. A unit
solid is an intersection of half-spaces and at most one quadric; as it is convex, a ray is inside
it for one interval of ray parameters t, at the points origin + t · direction.
"""

from dataclasses import dataclass

import numpy as np

SHADOW_GAP = 1e-4  # ray parameter below which a surface does not shade itself
TINY = 1e-12  # stands for zero in divisors, where a ray runs parallel to a surface


@dataclass(frozen=True)
class Quadric:
    """The points p = (x, y, z) with square · p² + 2 linear · p + constant <= 0."""

    square: np.ndarray  # (3,), factors of x², y², z²
    linear: np.ndarray  # (3,)
    constant: float


@dataclass(frozen=True)
class UnitSolid:
    """The points p with planes[:, :3] · p <= planes[:, 3], within the quadric if there is one."""

    corners: np.ndarray  # (V, 3), points whose convex hull is the solid (nearly, if it is round)
    planes: np.ndarray  # (K, 4), outward normals and offsets; K = 0 for the ball
    quadric: Quadric | None


@dataclass(frozen=True)
class Solid:
    """A unit solid in the room: p_room = rotation · (size * p_unit) + centre, in metres."""

    kind: str  # key of UNIT_SOLIDS
    size: np.ndarray  # (3,), half the extent along each of the solid's own axes
    rotation: np.ndarray  # (3, 3), columns are the solid's own axes
    centre: np.ndarray  # (3,)

    @property
    def shape(self) -> UnitSolid:
        return UNIT_SOLIDS[self.kind]

    def corners(self) -> np.ndarray:
        """The corners relative to the centre, (V, 3), along the axes of the room."""
        return (self.shape.corners * self.size) @ self.rotation.T

    def radius(self) -> float:
        """Radius of the smallest ball around the centre that holds the solid."""
        return float(np.linalg.norm(self.corners(), axis=1).max())

    def local(self, points: np.ndarray) -> np.ndarray:
        """Points of the room (N, 3) along the solid's own axes from its centre, in metres."""
        return (points - self.centre) @ self.rotation


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) scaled to length 1."""
    return vectors / np.sqrt(np.vecdot(vectors, vectors))[..., None]


def _circle(z: float, count: int = 64) -> np.ndarray:
    """Points on the unit circle at height z, (count, 3)."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle), np.full(count, z)], axis=1)


def _quadric(square: list[float], linear: list[float], constant: float) -> Quadric:
    return Quadric(np.array(square), np.array(linear), constant)


_APEX = np.array([[0.0, 0.0, 1.0]])
_SQUARE = np.array([[x, y, 0.0] for x in (-1, 1) for y in (-1, 1)])
_TOP_AND_BOTTOM = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, -1.0, 1.0]])
_SIDES = np.array([[1.0, 0, 0, 1], [-1, 0, 0, 1], [0, 1, 0, 1], [0, -1, 0, 1]])
# A side of the pyramid: x <= (1 - z) / 2, from the base's edge at z = -1 to the apex at z = 1.
_SLOPES = _SIDES * [1, 1, 1, 0.5] + [0, 0, 0.5, 0]

UNIT_SOLIDS = {
    "box": UnitSolid(
        np.concatenate([_SQUARE + _APEX, _SQUARE - _APEX]),
        np.concatenate([_SIDES, _TOP_AND_BOTTOM]),
        None,
    ),
    "ball": UnitSolid(
        np.concatenate([_APEX, -_APEX, _circle(0)]),
        np.empty((0, 4)),
        _quadric([1, 1, 1], [0, 0, 0], -1),
    ),
    "cylinder": UnitSolid(
        np.concatenate([_circle(-1), _circle(1)]),
        _TOP_AND_BOTTOM,
        _quadric([1, 1, 0], [0, 0, 0], -1),
    ),
    # x² + y² <= ((1 - z) / 2)², a double cone of which the top plane keeps the lower half.
    "cone": UnitSolid(
        np.concatenate([_circle(-1), _APEX]),
        _TOP_AND_BOTTOM,
        _quadric([1, 1, -0.25], [0, 0, 0.25], -0.25),
    ),
    "pyramid": UnitSolid(
        np.concatenate([_SQUARE - _APEX, _APEX]),
        np.concatenate([_SLOPES, _TOP_AND_BOTTOM[1:]]),
        None,
    ),
}


def intersect(
    solid: Solid, origins: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ray parameters (enter, leave), each (N,), between which the rays are inside the solid.

    Origins are (N, 3) or (1, 3) and directions (N, 3), of any length. Where enter >= leave the ray
    misses; either may be negative, which is behind the origin.
    """
    origins = solid.local(origins) / solid.size
    directions = directions @ solid.rotation / solid.size
    enter, leave = _within_planes(solid.shape.planes, origins, directions)
    if solid.shape.quadric is not None:
        first, last = _within_quadric(solid.shape.quadric, origins, directions)
        enter, leave = np.maximum(enter, first), np.minimum(leave, last)
    return enter, leave


def _within_planes(planes, origins, directions):
    slope = planes[:, :3] @ directions.T
    slope[slope == 0] = TINY
    crossing = (planes[:, 3:] - planes[:, :3] @ origins.T) / slope
    enter = np.where(slope < 0, crossing, -np.inf).max(axis=0, initial=-np.inf)
    leave = np.where(slope > 0, crossing, np.inf).min(axis=0, initial=np.inf)
    return enter, leave


def _within_quadric(quadric, origins, directions):
    # The quadric along the ray is a t² + 2 b t + c.
    a = directions**2 @ quadric.square
    b = directions * origins @ quadric.square + directions @ quadric.linear
    c = origins**2 @ quadric.square + 2 * origins @ quadric.linear + quadric.constant
    a = np.where(np.abs(a) < TINY, TINY, a)
    # Without a real root both ends coincide, which is a miss.
    root = np.sqrt(np.maximum(b * b - a * c, 0))
    enter, leave = (-b - root) / a, (-b + root) / a
    # A ray steeper than a cone's flank ends in the lower half if it falls, begins there if not.
    steep, falls = a < 0, directions[:, 2] < 0
    enter[steep & ~falls] = -np.inf
    leave[steep & falls] = np.inf
    return enter, leave


def normals(solid: Solid, points: np.ndarray) -> np.ndarray:
    """Outward unit normals (N, 3), along the room's axes, at points (N, 3) of the surface."""
    points = solid.local(points) / solid.size
    planes, quadric = solid.shape.planes, solid.shape.quadric
    outward, excess = planes[:, :3], planes[:, :3] @ points.T - planes[:, 3:]
    if quadric is None:
        gradient = outward[excess.argmax(axis=0)]
    else:
        # A point lies on the surface that it is least inside of.
        value = (points**2) @ quadric.square + 2 * points @ quadric.linear + quadric.constant
        gradient = points * quadric.square + quadric.linear
        if len(planes):
            flat = excess.max(axis=0) > value
            gradient[flat] = outward[excess[:, flat].argmax(axis=0)]
    return unit(gradient / solid.size @ solid.rotation.T)


def _nearby(solid: Solid, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Indices of the rays whose line meets the ball around the solid: the others cannot hit it."""
    offset = solid.centre - origins
    along = np.vecdot(offset, directions)
    squares = np.vecdot(offset, offset) - solid.radius() ** 2
    return np.flatnonzero(along**2 > squares * np.vecdot(directions, directions))


def cast(
    enclosure: Solid, solids: list[Solid], origin: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What rays from one origin (3,) meet first: its ray parameter (N,) and its number (N,).

    Number 0 is the enclosure, which the origin is inside of; the solids count from 1.
    """
    origins = origin[None]
    depth = intersect(enclosure, origins, directions)[1]
    surface = np.zeros(len(directions), int)
    for number, solid in enumerate(solids, start=1):
        rays = _nearby(solid, origins, directions)
        enter, leave = intersect(solid, origins, directions[rays])
        hit = (enter < leave) & (enter > 0) & (enter < depth[rays])
        depth[rays[hit]], surface[rays[hit]] = enter[hit], number
    return depth, surface


def unshaded(solids: list[Solid], points: np.ndarray, to_lamp: np.ndarray) -> np.ndarray:
    """Whether no solid is between the points and the lamp, (N,)."""
    free = np.ones(len(points), bool)
    for solid in solids:
        rays = _nearby(solid, points, to_lamp)
        enter, leave = intersect(solid, points[rays], to_lamp[rays])
        free[rays] &= (enter >= leave) | (leave < SHADOW_GAP) | (enter > 1)
    return free


def openness(solids: list[Solid], points: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Share (N,) of the ambient light that balls in place of the solids leave to the points."""
    free = np.ones(len(points))
    for solid in solids:
        offset = solid.centre - points
        square = np.vecdot(offset, offset)
        towards = np.maximum(np.vecdot(normal, offset), 0) / np.sqrt(square)
        free *= 1 - np.minimum(towards * np.prod(solid.size) ** (2 / 3) / square, 0.8)
    return free
