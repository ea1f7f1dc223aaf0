"""Rays, normals and shadows of solids, against membership tests that share no algebra with them."""

import numpy as np
import pytest

from fewmask.data.rendered.solids import (
    UNIT_SOLIDS,
    Solid,
    cast,
    intersect,
    normals,
    unit,
    unshaded,
)


def is_inside(kind, x, y, z, size):
    """Whether a point, along the solid's own axes from its centre, is inside it."""
    a, b, h = size
    taper = (h - z) / (2 * h)  # 1 at the base, 0 at the apex
    level = abs(z) <= h
    return {
        "box": level and abs(x) <= a and abs(y) <= b,
        "ball": x * x + y * y + z * z <= a * a,
        "cylinder": level and x * x + y * y <= a * a,
        "cone": level and np.hypot(x, y) <= a * taper,
        "pyramid": level and max(abs(x), abs(y)) <= a * taper,
    }[kind]


def march(kind, size, rotation, centre, origin, direction, end, steps=800):
    """Ray parameters of the first and the last point inside, found step by step."""
    hits = []
    for t in np.linspace(0, end, steps):
        point = origin + t * direction - centre
        own = [float(point @ rotation[:, axis]) for axis in range(3)]
        if is_inside(kind, *own, size):
            hits.append(t)
    return (hits[0], hits[-1]) if hits else None


def random_solid(kind, rng):
    size = rng.uniform(0.3, 0.8, 3)
    if kind != "box":
        size[1] = size[0]
    if kind == "ball":
        size[2] = size[0]
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotation[:, 0] *= np.linalg.det(rotation)
    return Solid(kind, size, rotation, rng.uniform(-0.5, 0.5, 3))


def random_rays(solid, rng, count):
    """Rays that start outside and are aimed at places in and somewhat around the solid."""
    origins = 3 * unit(rng.normal(size=(count, 3)))
    targets = solid.centre + rng.uniform(-0.6, 0.6, (count, 3))
    return origins, unit(targets - origins)


@pytest.mark.parametrize("kind", UNIT_SOLIDS)
def test_rays_meet_a_solid_where_marching_finds_it(kind):
    rng = np.random.default_rng(0)
    end, steps, met = 6.0, 800, 0
    for _ in range(8):
        solid = random_solid(kind, rng)
        origins, directions = random_rays(solid, rng, 8)
        enter, leave = intersect(solid, origins, directions)
        for ray in range(8):
            found = march(
                kind, solid.size, solid.rotation, solid.centre, origins[ray], directions[ray], end
            )
            if found is None:
                assert leave[ray] - enter[ray] < end / steps
            else:
                met += 1
                assert (enter[ray], leave[ray]) == pytest.approx(found, abs=1.01 * end / steps)
    assert met > 20


def test_rays_parallel_to_surfaces():
    upright = np.array([[0.0, 0.0, -1.0]])
    for kind, enters in [("box", 4.0), ("cylinder", 4.0), ("ball", 4.134), ("cone", 5.0)]:
        solid = Solid(kind, np.ones(3), np.eye(3), np.zeros(3))
        enter, leave = intersect(solid, np.array([[0.3, 0.4, 5.0]]), upright)
        assert enter[0] == pytest.approx(enters, abs=1e-3)
        assert leave[0] == pytest.approx(10 - 4 if kind != "ball" else 10 - 4.134, abs=1e-3)
        outside, beyond = intersect(solid, np.array([[1.3, 0.4, 5.0]]), upright)
        assert outside[0] >= beyond[0]


@pytest.mark.parametrize("kind", UNIT_SOLIDS)
def test_normals_lead_out_of_the_solid(kind):
    """A small step along the normal leaves the solid, one against it enters; tangents do neither.

    The last is checked by steps along two tangents, whose height above the surface is of second
    order: a wrong normal would sink or rise with the first.
    """
    rng = np.random.default_rng(1)
    step, checked = 1e-3, 0
    for _ in range(10):
        solid = random_solid(kind, rng)
        origins, directions = random_rays(solid, rng, 20)
        enter, leave = intersect(solid, origins, directions)
        hit = leave - enter > 0.1
        points = (origins + enter[:, None] * directions)[hit]
        for point, normal in zip(points, normals(solid, points), strict=True):
            side = unit(np.cross(normal, rng.normal(size=3)))

            def inside(offset, point=point, solid=solid):
                own = (point + offset - solid.centre) @ solid.rotation
                return is_inside(kind, *own, solid.size)

            if inside(0.1 * normal) or not inside(-0.01 * normal):
                continue  # within a centimetre of an edge
            assert not inside(step * normal)
            for tangent in (side, np.cross(normal, side)):
                assert not inside(step * (tangent + 0.05 * normal))
                assert inside(step * (tangent - 0.05 * normal))
            checked += 1
    assert checked > 30


def ball(x, y, z, radius=0.5):
    return Solid("ball", np.full(3, radius), np.eye(3), np.array([x, y, z], float))


def test_the_nearest_solid_is_seen_whatever_the_order():
    room = Solid("box", np.full(3, 9.0), np.eye(3), np.zeros(3))
    near, far = ball(0, 0, 2), ball(0, 0, 4, radius=1.5)
    rays = np.array([[0, 0, 1], [0, 0.3, 1], [0, 1, 1], [0, 0, -1]], float)
    for solids, numbers in (([near, far], [1, 2, 0, 0]), ([far, near], [2, 1, 0, 0])):
        depth, number = cast(room, solids, np.zeros(3), rays)
        assert number.tolist() == numbers
        assert depth == pytest.approx([1.5, 2.7466, 9, 9], abs=1e-4)


@pytest.mark.parametrize("kind", UNIT_SOLIDS)
def test_no_hit_is_lost_by_trying_nearby_rays_only(kind):
    rng = np.random.default_rng(2)
    room = Solid("box", np.full(3, 9.0), np.eye(3), np.zeros(3))
    for _ in range(10):
        solid = random_solid(kind, rng)
        origins, directions = random_rays(solid, rng, 500)
        directions += 0.5 * rng.normal(size=(500, 3))
        enter, leave = intersect(solid, origins[:1], directions)
        _, number = cast(room, [solid], origins[0], directions)
        assert np.array_equal(number == 1, (enter < leave) & (enter > 0))


def test_shadow_falls_behind_a_ball_and_nowhere_else():
    lamp = np.array([0.0, 0.0, 3.0])
    # Seen from the lamp the ball's half angle is asin(0.5 / 2), 0.775 m on the floor 3 m below.
    points = np.array([[0, 0, 0], [0.77, 0, 0], [0.78, 0, 0], [0, 0, 1.5], [0, 0, 0.5], [0, 0, 2]])
    assert unshaded([ball(0, 0, 1)], points, lamp - points).tolist() == [0, 0, 1, 1, 0, 1]
    behind_the_lamp = ball(0, 0, 4)
    assert unshaded([behind_the_lamp], points, lamp - points).all()
