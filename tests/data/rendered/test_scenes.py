from functools import cache

import numpy as np
import pytest

from fewmask.data.rendered.scenes import CATEGORIES, CLASSES, FIRST_SOLID, focal_length, render
from fewmask.data.rendered.solids import (
    UNIT_SOLIDS,
    Solid,
    cast,
    intersect,
    normals,
    unit,
    unshaded,
)


@cache
def images():
    """Sixty images, enough for frequencies."""
    return [render(0, index) for index in range(60)]


def viewing_rays(height, width):
    """The camera model of the module's docstring, written out once more."""
    row, column = np.mgrid[:height, :width] + 0.5
    f = focal_length(width)
    return np.stack([(column - width / 2) / f, (row - height / 2) / f, np.ones_like(row)], axis=-1)


def same(first, second):
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("image", "mask", "depth", "normal", "category")
    )


def test_shapes_types_and_ranges():
    scene = render(3, 7, height=40, width=56)
    assert scene.image.shape == (40, 56, 3)
    assert scene.image.dtype == np.uint8
    assert scene.mask.shape == scene.depth.shape == (40, 56)
    assert scene.mask.dtype == np.uint8
    assert scene.mask.max() < len(CLASSES)
    assert scene.depth.dtype == scene.normal.dtype == np.float32
    assert (scene.depth > 0).all()
    assert (scene.depth < 10).all()
    assert scene.category in range(len(CATEGORIES))


def test_a_image_depends_on_seed_and_index_alone():
    forwards = [render(0, index) for index in range(4)]
    np.random.seed(1)
    backwards = [render(0, index) for index in reversed(range(4))]
    assert all(same(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))
    images = [scene.image.tobytes() for scene in forwards] + [render(1, 0).image.tobytes()]
    assert len(set(images)) == 5


def test_normals_are_unit_vectors_that_face_the_camera():
    rays = viewing_rays(64, 64)
    for scene in images():
        assert np.allclose(np.linalg.norm(scene.normal, axis=-1), 1, atol=1e-5)
        assert ((scene.normal * rays).sum(axis=-1) < 0).all()


def test_the_floor_is_below_and_faces_up():
    """Fixes the signs of the camera's axes: y is down, and rows count downwards."""
    for scene in images():
        rows = np.arange(64)[:, None] * np.ones(64)
        wall, floor = (scene.mask == number for number in (0, 1))
        assert rows[floor].mean() > rows[wall].mean()
        assert (scene.normal[floor][:, 1] < -0.5).all()
        assert np.ptp(scene.normal[floor], axis=0).max() < 1e-5


def normals_from_depth(depth):
    """Cross products of central differences of the points seen, (H - 2, W - 2, 3)."""
    points = depth[..., None] * viewing_rays(*depth.shape)
    down = points[2:, 1:-1] - points[:-2, 1:-1]
    right = points[1:-1, 2:] - points[1:-1, :-2]
    # down x right points towards the viewer, as y is down and z away.
    return unit(np.cross(down, right))


def within_one_surface(scene):
    """Interior pixels whose neighbours are of their class and much the same normal."""
    inside = np.ones((scene.mask.shape[0] - 2, scene.mask.shape[1] - 2), bool)
    for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
        window = np.s_[rows : rows - 2 or None, columns : columns - 2 or None]
        inside &= scene.mask[window] == scene.mask[1:-1, 1:-1]
        inside &= (scene.normal[window] * scene.normal[1:-1, 1:-1]).sum(axis=-1) > 0.9
    return inside


def test_depth_and_normals_tell_of_the_same_surfaces():
    errors = {name: [] for name, _ in CLASSES}
    for index in range(12):
        scene = render(0, index, 128, 128)
        cosine = (normals_from_depth(scene.depth) * scene.normal[1:-1, 1:-1]).sum(axis=-1)
        degrees = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        inside = within_one_surface(scene)
        for number, (name, _) in enumerate(CLASSES):
            errors[name].extend(degrees[inside & (scene.mask[1:-1, 1:-1] == number)])
    for name, degrees in errors.items():
        flat = name in ("wall", "floor", "box", "pyramid")
        assert len(degrees) > 500
        assert np.median(degrees) < (0.1 if flat else 3), name
        assert np.percentile(degrees, 90) < (1 if flat else 10), name


def test_the_room_does_not_depend_on_the_resolution():
    agreements, depth_errors = [], []
    for index in range(6):
        small, large = render(0, index, 64, 64), render(0, index, 128, 128)
        agreements.append((small.mask == large.mask[::2, ::2]).mean())
        # Four pixel centres of the large image lie around one of the small.
        around = large.depth.reshape(64, 2, 64, 2).mean(axis=(1, 3))
        depth_errors.append(np.median(np.abs(around / small.depth - 1)))
        averaged = large.image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
        assert np.abs(averaged - small.image).mean() < 4
    assert min(agreements) > 0.95
    assert max(depth_errors) < 0.002


def test_an_oblong_image_is_a_part_of_the_square_one():
    square, wide = render(0, 5, 64, 64), render(0, 5, 32, 64)
    assert np.array_equal(square.mask[16:48], wide.mask)
    assert np.allclose(square.depth[16:48], wide.depth)


def test_the_category_is_the_solid_that_covers_most():
    for scene in images():
        covered = [(scene.mask == CLASSES.index(c)).sum() for c in CLASSES if c[0] in CATEGORIES]
        assert covered[scene.category] == max(covered) > 0


def test_every_class_occurs_and_the_rare_ones_are_rarer():
    counts = sum(np.bincount(s.mask.ravel(), minlength=len(CLASSES)) for s in images())
    share = {name: count / counts.sum() for (name, _), count in zip(CLASSES, counts, strict=True)}
    assert min(share.values()) > 0.005
    assert max(share["cone"], share["pyramid"]) < min(
        share[name] for name in ("wall", "floor", "box", "ball", "cylinder")
    )
    assert {scene.category for scene in images()} == set(range(len(CATEGORIES)))


def test_images_are_colourful_and_well_exposed():
    for scene in images():
        assert scene.image.std() > 8
        assert np.ptp(scene.image, axis=-1).mean() > 8
        assert 40 < scene.image.mean() < 230


def test_colour_alone_does_not_tell_the_class():
    """A nearest-mean-colour classifier, fitted on half the images, fails on the other half."""
    train, test = images()[:30], images()[30:]
    colours = np.concatenate([scene.image.reshape(-1, 3) for scene in train]).astype(float)
    labels = np.concatenate([scene.mask.ravel() for scene in train])
    means = np.stack([colours[labels == number].mean(axis=0) for number in range(len(CLASSES))])
    truth = np.concatenate([scene.mask.ravel() for scene in test])
    pixels = np.concatenate([scene.image.reshape(-1, 3) for scene in test]).astype(float)
    guess = ((pixels[:, None] - means) ** 2).sum(axis=-1).argmin(axis=1)
    overlaps = [
        ((guess == n) & (truth == n)).sum() / ((guess == n) | (truth == n)).sum()
        for n in range(len(CLASSES))
    ]
    assert np.mean(overlaps) < 0.2
    assert max(overlaps[FIRST_SOLID:]) < 0.2


# --- Intersections, checked against membership tests written without the module's algebra ------


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
