"""The built-in dataset: small ray-cast rooms with exact masks, depths and surface normals.

A room has a floor, walls and three to six solids that stand, lie, lean or are stacked. Colours and
textures are drawn without regard to the class, so that only shape, shading and context reveal it.

Room coordinates are metres with x to the right, y into the room, z up and the floor at z = 0.
Camera coordinates have x to the right, y down, z along the optical axis. The camera is a pinhole:
with f = focal_length(width), the centre of pixel (row, column) sees along

    ((column + 0.5 - width / 2) / f, (row + 0.5 - height / 2) / f, 1)

and the point it sees is depth[row, column] times that vector. `normal` is in the same coordinates.
The room, unlike its sampling, does not depend on height and width.
"""

from dataclasses import dataclass

import numpy as np

from fewmask.data.rendered.solids import Solid, cast, normals, openness, unit, unshaded

CLASSES: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("wall", (221, 221, 221)),
    ("floor", (68, 68, 68)),
    ("box", (0, 114, 178)),
    ("ball", (230, 159, 0)),
    ("cylinder", (0, 158, 115)),
    ("cone", (240, 228, 66)),
    ("pyramid", (204, 121, 167)),
)
CATEGORIES: tuple[str, ...] = tuple(name for name, _ in CLASSES[2:])

WALL, FLOOR, FIRST_SOLID = 0, 1, 2
SHARES = (0.26, 0.27, 0.23, 0.13, 0.11)  # how often each category is drawn; the last two are rare
SAMPLES = 3  # rays per pixel and direction, odd so that the middle one is the pixel's centre


@dataclass(frozen=True)
class Scene:
    """An image of a room and what is exactly known about it."""

    image: np.ndarray  # uint8 (H, W, 3), sRGB
    mask: np.ndarray  # uint8 (H, W), index into CLASSES
    depth: np.ndarray  # float32 (H, W), metres along the optical axis, > 0
    normal: np.ndarray  # float32 (H, W, 3), unit vectors in camera coordinates
    height: np.ndarray  # float32 (H, W), metres above the floor, >= 0
    category: int  # index into CATEGORIES: the kind of solid that covers the most pixels

    @property
    def truth(self) -> dict[str, np.ndarray]:
        """What is known besides the mask, by the fields of the store."""
        return {"depth": self.depth, "normal": self.normal, "height": self.height}


@dataclass(frozen=True)
class Material:
    """Two colours and a pattern that mixes them."""

    pattern: int  # index into PATTERNS
    colours: np.ndarray  # (2, 3), linear RGB in [0, 1]
    period: float  # metres
    offset: np.ndarray  # (3,), in periods
    waves: np.ndarray  # (4, 3), wave vectors of the noise, per period
    gloss: float  # strength of the highlight


@dataclass(frozen=True)
class Camera:
    position: np.ndarray  # (3,), metres
    axes: np.ndarray  # (3, 3), rows: right, down, forward in room coordinates


def focal_length(width: int) -> float:
    """Focal length in pixels of an image this wide: a horizontal field of view of 53 degrees."""
    return float(width)


def render(seed: int, index: int, height: int = 64, width: int = 64) -> Scene:
    """Image `index` of the dataset `seed`."""
    rng = np.random.default_rng([seed, index])
    room = _draw_room(rng)
    camera = _draw_camera(rng, room)
    solids = _draw_solids(rng, room, camera)
    lamp, tint = _draw_light(rng, room)
    # The wall and the floor are parts 0 and 1, the solids follow; each part has its material.
    materials = [_draw_material(rng) for _ in range(FIRST_SOLID + len(solids))]
    classes = [WALL, FLOOR, *(FIRST_SOLID + CATEGORIES.index(solid.kind) for solid in solids)]

    directions = _pixel_directions(camera, height, width)
    depth, surface = cast(room, solids, camera.position, directions)
    points = camera.position + depth[:, None] * directions
    normal = _surface_normals([room, *solids], surface, points)
    part = np.where(surface > 0, surface + 1, np.where(normal[:, 2] > 0.5, FLOOR, WALL))
    albedo, gloss = _paint(materials, [room, room, *solids], part, points)
    colour = _shade(solids, lamp, tint, points, normal, -directions, albedo, gloss)

    samples, centre = (SAMPLES**2, height, width), SAMPLES**2 // 2
    light = colour.reshape(*samples, 3).mean(axis=0)
    mask = np.array(classes, np.uint8)[part].reshape(samples)[centre]
    return Scene(
        image=np.round(255 * np.minimum(light, 1) ** (1 / 2.2)).astype(np.uint8),
        mask=mask,
        depth=depth.reshape(samples)[centre].astype(np.float32),
        normal=(normal @ camera.axes.T).reshape(*samples, 3)[centre].astype(np.float32),
        height=points[:, 2].clip(0).reshape(samples)[centre].astype(np.float32),
        category=int(np.bincount(mask.ravel(), minlength=len(CLASSES))[FIRST_SOLID:].argmax()),
    )


# --- What is in the room ---------------------------------------------------------------------


def _draw_room(rng: np.random.Generator) -> Solid:
    """The room as a box seen from inside, so high that a square image never shows its ceiling."""
    size = np.array([rng.uniform(1.7, 2.4), rng.uniform(1.9, 2.5), 4.0])
    return Solid("box", size, np.eye(3), size * [0, 1, 1])


def _draw_camera(rng: np.random.Generator, room: Solid) -> Camera:
    """A camera near the front wall that looks down at the middle of the floor."""
    position = np.array([rng.uniform(-0.5, 0.5) * room.size[0], 0.3, rng.uniform(0.8, 2.0)])
    target = np.array([rng.uniform(-0.4, 0.4), rng.uniform(1.1, 1.3), 0.0]) * room.size
    target[2] = 0.3
    forward = unit(target - position)
    right = unit(np.cross(forward, [0, 0, 1]))
    return Camera(position, np.stack([right, np.cross(forward, right), forward]))


def _draw_solids(rng, room: Solid, camera: Camera) -> list[Solid]:
    """Three to six solids, or fewer if they do not find a free place in view."""
    wanted = rng.integers(3, 7)
    solids, supports = [], []
    for _ in range(200):
        kind = str(rng.choice(CATEGORIES, p=SHARES))
        if supports and rng.random() < 0.25:
            solids.append(_stack(rng, kind, supports.pop()))
        else:
            solid, upright = _draw_solid(rng, kind, room)
            if _fits(solid, solids, room, camera):
                solids.append(solid)
                supports += [solid] if upright and kind in ("box", "cylinder") else []
        if len(solids) == wanted:
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


# --- What it looks like ----------------------------------------------------------------------


def _noise(points, waves):
    return np.sin(2 * np.pi * points @ waves.T).mean(axis=1)


def _rings(points, waves):
    return 2 * np.pi * np.hypot(points[:, 0], points[:, 1]) + 2 * _noise(points, waves)


# A pattern maps points (N, 3), in periods, and waves (4, 3) to the second colour's share (N,).
PATTERNS = (
    lambda points, waves: np.zeros(len(points)),  # plain
    lambda points, waves: np.floor(points).sum(axis=1) % 2,  # checker
    lambda points, waves: np.floor(2 * points @ unit(waves[0])) % 2,  # stripes
    lambda points, waves: 0.5 + 0.5 * _noise(points, waves),  # clouds
    lambda points, waves: 0.5 + 0.5 * np.sin(_rings(points, waves)),  # wood
)


def _draw_material(rng: np.random.Generator) -> Material:
    hues = rng.uniform() + np.array([0, rng.normal(0, 0.12)])
    saturation = rng.uniform(0.1, 0.85, 2)
    brightness = rng.uniform(0.5, 0.95) * np.array([1, rng.uniform(0.25, 0.6)])
    channels = 0.5 + 0.5 * np.cos(2 * np.pi * (hues[:, None] - np.arange(3) / 3))
    colours = brightness[:, None] * (1 - saturation[:, None] * (1 - channels))
    return Material(
        pattern=rng.integers(len(PATTERNS)),
        colours=rng.permutation(colours),
        period=rng.uniform(0.2, 0.5),
        offset=rng.uniform(0, 1, 3),
        waves=rng.normal(0, 0.35, (4, 3)),
        gloss=rng.uniform(0, 0.4),
    )


def _paint(materials, owners, part, points) -> tuple[np.ndarray, np.ndarray]:
    """Colour (N, 3) without light and gloss (N,) of points of these parts (N,) of the room."""
    albedo = np.empty_like(points)
    for number, (material, owner) in enumerate(zip(materials, owners, strict=True)):
        here = np.flatnonzero(part == number)
        places = owner.local(points[here]) / material.period + material.offset
        share = PATTERNS[material.pattern](places, material.waves)[:, None]
        albedo[here] = (1 - share) * material.colours[0] + share * material.colours[1]
    return albedo, np.array([material.gloss for material in materials])[part]


def _draw_light(rng, room: Solid) -> tuple[np.ndarray, np.ndarray]:
    """Points of a lamp above, (SAMPLES², 3), one for each ray of a pixel; and its RGB (3,)."""
    middle = rng.uniform([-0.8, 0.2, 0.65], [0.8, 1.0, 0.85]) * room.size
    spread = rng.uniform(-0.2, 0.2, (SAMPLES**2, 3)) * [1, 1, 0]
    warmth = rng.uniform(-0.08, 0.12)
    return middle + spread, np.array([1 + warmth, 1, 1 - warmth])


def _pixel_directions(camera: Camera, height: int, width: int) -> np.ndarray:
    """Rays (SAMPLES² · H · W, 3) with depth 1, in room coordinates; the samples vary slowest."""
    offset = (np.arange(SAMPLES) + 0.5) / SAMPLES
    rows = (offset[:, None] + np.arange(height) - height / 2) / focal_length(width)
    columns = (offset[:, None] + np.arange(width) - width / 2) / focal_length(width)
    y, x = np.broadcast_arrays(rows[:, None, :, None], columns[None, :, None, :])
    return np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3) @ camera.axes


def _surface_normals(surfaces, surface, points) -> np.ndarray:
    """Unit normals (N, 3) in room coordinates, towards the inside of the room."""
    normal = np.empty_like(points)
    for number, solid in enumerate(surfaces):
        here = np.flatnonzero(surface == number)
        normal[here] = normals(solid, points[here]) * (1 if number else -1)
    return normal


def _shade(solids, lamp, tint, points, normal, to_eye, albedo, gloss) -> np.ndarray:
    """Linear RGB (N, 3): ambient light, and the lamp's diffuse and glossy reflection."""
    to_lamp = np.repeat(lamp, len(points) // len(lamp), axis=0) - points
    towards_lamp = unit(to_lamp)
    facing = np.vecdot(normal, towards_lamp)
    lit = (facing > 0) & unshaded(solids, points, to_lamp)
    lamp_light = lit / (0.3 + np.vecdot(to_lamp, to_lamp) / 16)
    highlight = np.maximum(np.vecdot(normal, unit(towards_lamp + unit(to_eye))), 0) ** 40
    ambient = (0.3 + 0.08 * normal[:, 2]) * openness(solids, points, normal)
    matt = ambient[:, None] + (0.7 * lamp_light * facing)[:, None] * tint
    return albedo * matt + (gloss * highlight * lamp_light)[:, None] * tint
