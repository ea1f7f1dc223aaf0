"""Rendered rooms: image, mask, depth, normals and category show one and the same room."""

from functools import cache

import numpy as np

from fewmask.data.rendered.scenes import CATEGORIES, CLASSES, FIRST_SOLID, focal_length, render
from fewmask.data.rendered.solids import (
    unit,
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
