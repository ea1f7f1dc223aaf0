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

from fewmask.data.rendered.appearance import SAMPLES, draw_light, draw_material, paint, shade
from fewmask.data.rendered.furnishing import Camera, draw_camera, draw_room, draw_solids
from fewmask.data.rendered.solids import cast, normals

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


def focal_length(width: int) -> float:
    """Focal length in pixels of an image this wide: a horizontal field of view of 53 degrees."""
    return float(width)


def render(seed: int, index: int, height: int = 64, width: int = 64) -> Scene:
    """Image `index` of the dataset `seed`."""
    rng = np.random.default_rng([seed, index])
    room = draw_room(rng)
    camera = draw_camera(rng, room)
    solids = draw_solids(rng, room, camera)
    lamp, tint = draw_light(rng, room)
    # The wall and the floor are parts 0 and 1, the solids follow; each part has its material.
    materials = [draw_material(rng) for _ in range(FIRST_SOLID + len(solids))]
    classes = [WALL, FLOOR, *(FIRST_SOLID + CATEGORIES.index(solid.kind) for solid in solids)]

    directions = _pixel_directions(camera, height, width)
    depth, surface = cast(room, solids, camera.position, directions)
    points = camera.position + depth[:, None] * directions
    normal = _surface_normals([room, *solids], surface, points)
    part = np.where(surface > 0, surface + 1, np.where(normal[:, 2] > 0.5, FLOOR, WALL))
    albedo, gloss = paint(materials, [room, room, *solids], part, points)
    colour = shade(solids, lamp, tint, points, normal, -directions, albedo, gloss)

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
