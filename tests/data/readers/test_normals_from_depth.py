"""Normals derived from depths: planes by hand, and the exact normals of rendered rooms."""

import numpy as np
import pytest

from fewmask.data.readers.normals_from_depth import Camera, normals_from_depth
from fewmask.data.rendered.scenes import focal_length, render

CAMERA = Camera(40, 50, 12.5, 7)


def plane(normal, distance, size=(20, 30)):
    """Depths of the plane of points p with normal . p = -distance."""
    rows, columns = np.indices(size)
    rays = [(columns - 12.5) / 40, (rows - 7) / 50, np.ones(size)]
    return -distance / sum(n * ray for n, ray in zip(normal, rays, strict=True))


@pytest.mark.parametrize(
    "normal", [(0, 0, -1), (0.6, 0, -0.8), (0, -0.8, -0.6), (2 / 3, 1 / 3, -2 / 3)]
)
@pytest.mark.parametrize("reach", [1, 3])
def test_planes(normal, reach):
    found = normals_from_depth(plane(normal, 2), CAMERA, reach)
    assert np.allclose(found[reach:-reach, reach:-reach], normal, atol=1e-6)
    border = np.ones((20, 30), bool)
    border[reach:-reach, reach:-reach] = False
    assert not found[border].any()


def test_what_is_not_known_and_edges_have_none():
    depth = np.full((9, 12), 2, np.float32)
    depth[4, 3] = 0
    depth[:, 8:] = 3
    known = normals_from_depth(depth, CAMERA).any(axis=-1)
    assert not known[4, 2:5].any()
    assert not known[3:6, 3].any()
    assert not known[:, 7:9].any()
    assert known[1:3, 1:7].all()
    assert known[1:-1, 9:-1].all()


def test_images_too_small_have_none():
    assert not normals_from_depth(np.ones((6, 40)), CAMERA, reach=3).any()


def test_rendered_rooms():
    errors = []
    for i in range(6):
        room = render(3, i, 64, 64)
        camera = Camera(focal_length(64), focal_length(64), 31.5, 31.5)
        found = normals_from_depth(room.depth, camera)
        known = found.any(axis=-1)
        assert known.mean() > 0.8
        cosine = (found[known].astype(float) * room.normal[known]).sum(axis=-1)
        errors.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    errors = np.concatenate(errors)
    assert np.median(errors) < 0.5
    assert np.percentile(errors, 90) < 3
