"""What a room looks like: materials, a lamp, and the colours that reach the camera."""

from dataclasses import dataclass

import numpy as np

from fewmask.data.rendered.solids import Solid, openness, unit, unshaded

SAMPLES = 3
"""Rays per pixel and direction, odd so that the middle one is the pixel's centre."""


@dataclass(frozen=True)
class Material:
    """Two colours and a pattern that mixes them."""

    pattern: int  # index into PATTERNS
    colours: np.ndarray  # (2, 3), linear RGB in [0, 1]
    period: float  # metres
    offset: np.ndarray  # (3,), in periods
    waves: np.ndarray  # (4, 3), wave vectors of the noise, per period
    gloss: float  # strength of the highlight


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


def draw_material(rng: np.random.Generator) -> Material:
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


def paint(materials, owners, part, points) -> tuple[np.ndarray, np.ndarray]:
    """Colour (N, 3) without light and gloss (N,) of points of these parts (N,) of the room."""
    albedo = np.empty_like(points)
    for number, (material, owner) in enumerate(zip(materials, owners, strict=True)):
        here = np.flatnonzero(part == number)
        places = owner.local(points[here]) / material.period + material.offset
        share = PATTERNS[material.pattern](places, material.waves)[:, None]
        albedo[here] = (1 - share) * material.colours[0] + share * material.colours[1]
    return albedo, np.array([material.gloss for material in materials])[part]


def draw_light(rng, room: Solid) -> tuple[np.ndarray, np.ndarray]:
    """Points of a lamp above, (SAMPLES², 3), one for each ray of a pixel; and its RGB (3,)."""
    middle = rng.uniform([-0.8, 0.2, 0.65], [0.8, 1.0, 0.85]) * room.size
    spread = rng.uniform(-0.2, 0.2, (SAMPLES**2, 3)) * [1, 1, 0]
    warmth = rng.uniform(-0.08, 0.12)
    return middle + spread, np.array([1 + warmth, 1, 1 - warmth])


def shade(solids, lamp, tint, points, normal, to_eye, albedo, gloss) -> np.ndarray:
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
