"""What is in a room: its walls, a camera, and solids that stand, lie, lean or are stacked."""

from dataclasses import dataclass

import numpy as np

from fewmask.data.rendered.solids import Solid, unit

SHARES = {"box": 0.26, "ball": 0.27, "cylinder": 0.23, "cone": 0.13, "pyramid": 0.11}
"""How often each kind of solid is drawn; the last two are rare."""


@dataclass(frozen=True)
class Camera:
    """Where a room is seen from, and in which direction."""

    position: np.ndarray  # (3,), metres
    axes: np.ndarray  # (3, 3), rows: right, down, forward in room coordinates


def draw_room(rng: np.random.Generator) -> Solid:
    """The room as a box seen from inside, so high that a square image never shows its ceiling."""
    size = np.array([rng.uniform(1.7, 2.4), rng.uniform(1.9, 2.5), 4.0])
    return Solid("box", size, np.eye(3), size * [0, 1, 1])


def draw_camera(rng: np.random.Generator, room: Solid) -> Camera:
    """A camera near the front wall that looks down at the middle of the floor."""
    position = np.array([rng.uniform(-0.5, 0.5) * room.size[0], 0.3, rng.uniform(0.8, 2.0)])
    target = np.array([rng.uniform(-0.4, 0.4), rng.uniform(1.1, 1.3), 0.0]) * room.size
    target[2] = 0.3
    forward = unit(target - position)
    right = unit(np.cross(forward, [0, 0, 1]))
    return Camera(position, np.stack([right, np.cross(forward, right), forward]))


def draw_solids(rng, room: Solid, camera: Camera) -> list[Solid]:
    """Three to six solids, or fewer if they do not find a free place in view."""
    count = rng.integers(3, 7)
    solids, supports = [], []
    for _ in range(200):
        kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        if supports and rng.random() < 0.25:
            solids.append(_stack(rng, kind, supports.pop()))
        else:
            solid, upright = _draw_solid(rng, kind, room)
            if _fits(solid, solids, room, camera):
                solids.append(solid)
                supports += [solid] if upright and kind in ("box", "cylinder") else []
        if len(solids) == count:
            break
    return solids


def _draw_size(rng: np.random.Generator, kind: str) -> np.ndarray:
    """Half extents (3,) in metres along the solid's own axes."""
    radius, half_height, aspect = rng.uniform([0.2, 0.2, 0.7], [0.5, 0.6, 1.4])
    if kind == "ball":
        return np.full(3, radius)
    return np.array([radius, radius * aspect if kind == "box" else radius, half_height])


def _draw_solid(rng, kind: str, room: Solid) -> tuple[Solid, bool]:
    """A solid anywhere on the floor, and whether it stands upright."""
    size = _draw_size(rng, kind)
    place = rng.uniform(-1, 1, 2) * room.size[:2] + room.centre[:2]
    turn, chance = rng.uniform(0, 2 * np.pi), rng.random()
    if kind == "box" and chance < 0.15:
        return _lean(rng, size, place[0], room), False
    if kind in ("box", "ball") or chance > 0.3:
        return _rest(kind, size, _rotation(turn), place), True
    # A toppled cylinder lies on its flank; the slope of a cone or pyramid comes to lie level.
    slope = 0 if kind == "cylinder" else np.arctan2(size[0], 2 * size[2])
    return _rest(kind, size, _rotation(turn, np.pi / 2 + slope), place), False


def _rotation(turn: float, tilt: float = 0.0) -> np.ndarray:
    """Tilt about the x axis, then a turn about the vertical, in radians."""
    sine, cosine = np.sin(tilt), np.cos(tilt)
    tilted = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    sine, cosine = np.sin(turn), np.cos(turn)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) @ tilted


def _rest(kind: str, size, rotation, place, ground: float = 0.0) -> Solid:
    """The solid with its centre above `place` (2,) and its lowest point at height `ground`."""
    lowest = Solid(kind, size, rotation, np.zeros(3)).corners()[:, 2].min()
    return Solid(kind, size, rotation, np.array([*place, ground - lowest]))


def _lean(rng, size: np.ndarray, x: float, room: Solid) -> Solid:
    """A plank that stands on the floor and leans against the back wall."""
    size = size * [1, 0, 1] + [0, 0.04, 0.2]
    rotation = _rotation(0, -rng.uniform(0.25, 0.6))
    behind = Solid("box", size, rotation, np.zeros(3)).corners()[:, 1].max()
    return _rest("box", size, rotation, [x, 2 * room.size[1] - behind])


def _stack(rng, kind: str, support: Solid) -> Solid:
    """A solid that stands on an upright box or cylinder and is narrower than it."""
    size = _draw_size(rng, kind)
    size *= min(1, rng.uniform(0.6, 0.9) * support.size[:2].min() / size[:2].max())
    top = support.centre[2] + support.size[2]
    return _rest(kind, size, support.rotation, support.centre[:2], top)


def _fits(solid: Solid, others: list[Solid], room: Solid, camera: Camera) -> bool:
    """Whether the solid is between the walls, clear of the others, and its centre in view."""
    reach = np.abs(solid.corners()[:, :2]).max(axis=0)
    if (np.abs(solid.centre - room.centre)[:2] + reach > room.size[:2] + 1e-9).any():
        return False
    for other in others:
        if np.hypot(*(solid.centre - other.centre)[:2]) < _footprint(solid) + _footprint(other):
            return False
    x, y, z = camera.axes @ (solid.centre - camera.position)
    return z > 1.9 and max(abs(x), abs(y)) < 0.4 * z


def _footprint(solid: Solid) -> float:
    """Radius of the circle on the floor, around the centre, that the solid keeps to."""
    return np.linalg.norm(solid.corners()[:, :2], axis=1).max()
