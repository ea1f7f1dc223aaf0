"""Depths and normals of changed images are those of the rooms that these images show."""

from functools import cache
from math import radians

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewmask.config.augmentation import Augmentation
from fewmask.data.augmentation.geometry import warp_depth, warp_normals
from fewmask.data.augmentation.warp import Warp, similarity
from fewmask.data.readers.normals_from_depth import Camera, normals_from_depth
from fewmask.data.rendered.scenes import focal_length, render

unhurried = settings(max_examples=30)
ROOMS, SIZE = 3, 129
"""Odd, so that quarter turns and halving about the centre show pixels, not places between them."""


@cache
def rooms():
    """Depths (N, H, W) and normals (N, 3, H, W) of rendered rooms."""
    scenes = [render(5, index, SIZE, SIZE) for index in range(ROOMS)]
    depth = torch.from_numpy(np.stack([scene.depth for scene in scenes]))
    normals = torch.from_numpy(np.stack([scene.normal for scene in scenes])).movedim(-1, 1)
    return depth, normals


def chosen(signs=(1, 1), zoom=1.0, degrees=0.0, count=ROOMS, size=(SIZE, SIZE)):
    """The same map for every image, about its centre."""
    maps = similarity(
        torch.tensor([signs] * count, dtype=torch.float32),
        torch.full((count,), zoom),
        torch.full((count,), radians(degrees)),
        torch.tensor([[(size[1] - 1) / 2, (size[0] - 1) / 2]] * count),
        size,
    )
    return Warp(maps, size, size)


def vectors(count=2, height=12, width=16):
    """Unit vectors, and some that are not known."""
    generator = torch.Generator().manual_seed(0)
    found = torch.nn.functional.normalize(torch.randn(count, 3, height, width, generator=generator))
    return found * (torch.rand(count, 1, height, width, generator=generator) > 0.2)


def camera_of(warp, index):
    """What sees the result: zoom times the focal length; its axis where the image's is shown."""
    linear, shift = np.split(warp.matrices[index].double().numpy(), [2], axis=1)
    focal = focal_length(warp.source[1]) / np.sqrt(abs(np.linalg.det(linear)))
    middle = np.array([(warp.source[1] - 1) / 2, (warp.source[0] - 1) / 2])
    column, row = np.linalg.solve(linear, middle - shift[:, 0])
    return Camera(focal, focal, column, row)


def disagreements(warp, reach):
    """Degrees between the normals taken along and those of the depths taken along.

    The latter are from neighbours that are ``reach`` pixels of the image away.
    """
    depth, normals = rooms()
    depth, normals = warp_depth(warp, depth), warp_normals(warp, normals)
    found = []
    for index in range(ROOMS):
        camera = camera_of(warp, index)
        away = max(1, round(reach * camera.fx / focal_length(SIZE)))
        derived = normals_from_depth(depth[index].numpy(), camera, away)
        taken = normals[index].movedim(0, -1).numpy()
        known = derived.any(axis=-1) & taken.any(axis=-1)
        cosine = (derived[known].astype(float) * taken[known]).sum(axis=-1)
        found.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return np.concatenate(found)


class TestRooms:
    @pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
    @pytest.mark.parametrize("zoom", [1, 1 / 2])
    @pytest.mark.parametrize("degrees", [0, 90, 180, 270])
    def test_where_pixels_come_to_lie_on_pixels(self, signs, zoom, degrees):
        found = disagreements(chosen(signs, zoom, degrees), reach=1)
        assert len(found) > 0.7 * ROOMS * (SIZE * min(zoom, 1)) ** 2
        assert np.median(found) < 0.3
        assert np.percentile(found, 90) < 5

    @unhurried
    @given(
        st.sampled_from([(0.5, 0.8), (0.8, 1.25), (1.25, 2.0)]),
        st.sampled_from([0, 10, 180]),
        st.sampled_from([None, 64, (60, 100)]),
        st.integers(0, 2**32),
    )
    def test_any_similarity(self, scale, rotate, crop, seed):
        """The nearest pixel is up to half a pixel off: hence neighbours that are far away."""
        torch.manual_seed(seed)
        drawn = Augmentation(flip=0.5, vertical_flip=0.5, scale=scale, rotate=rotate, crop=crop)
        found = disagreements(Warp.draw(drawn, ROOMS, SIZE, SIZE), reach=6)
        assert len(found) > 200
        assert np.median(found) < 4

    def test_parts_of_the_images_proportions(self):
        torch.manual_seed(0)
        drawn = Augmentation(crop_area=(0.3, 0.6))
        drawn.check_keeps_shapes("depths")
        assert np.median(disagreements(Warp.draw(drawn, ROOMS, SIZE, SIZE), reach=6)) < 4

    @pytest.mark.parametrize("axis", [0, 1])
    def test_a_wrong_sign_would_be_seen(self, axis):
        depth, normals = rooms()
        warp = chosen((-1, 1), degrees=90)
        wrong = warp_normals(warp, normals)
        wrong[:, axis] *= -1
        derived = normals_from_depth(warp_depth(warp, depth)[0].numpy(), camera_of(warp, 0))
        known = derived.any(axis=-1)
        cosine = (derived * wrong[0].movedim(0, -1).numpy()).sum(axis=-1)[known]
        assert np.median(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) > 20


class TestDepths:
    @pytest.mark.parametrize("zoom", [0.5, 1.0, 1.5, 2.0])
    def test_are_divided_by_the_zoom(self, zoom):
        depth = torch.full((2, 32, 32), 3.0)
        found = warp_depth(chosen(zoom=zoom, degrees=20, count=2, size=(32, 32)), depth)
        assert found[:, 16, 16].tolist() == pytest.approx([3 / zoom] * 2)

    def test_are_not_known_outside_nor_where_they_were_not(self):
        depth = torch.ones(1, 32, 32)
        depth[:, 12:20, 12:20] = 0
        found = warp_depth(chosen(zoom=0.5, count=1, size=(32, 32)), depth)[0]
        assert not found[:7].any()
        assert not found[15:17, 15:17].any()
        assert set(found.unique().tolist()) == {0, 2}

    def test_a_loop_over_the_pixels_gives_the_same(self):
        torch.manual_seed(0)
        drawn = Augmentation(scale=(0.5, 2), rotate=180, vertical_flip=0.5, crop=(20, 26))
        depth, normals = torch.rand(3, 24, 32), vectors(3, 24, 32)
        warp = Warp.draw(drawn, 3, 24, 32)
        depths, turned = warp_depth(warp, depth), warp_normals(warp, normals)
        for i, matrix in enumerate(warp.matrices.double().numpy()):
            zoom = 1 / np.linalg.norm(matrix[:, 0])
            for row, column in np.ndindex(20, 26):
                x, y = matrix @ [column, row, 1]
                if min(abs(x % 1 - 0.5), abs(y % 1 - 0.5)) < 1e-3:
                    continue  # Between two pixels, and float32 may round to the other.
                x, y = round(x), round(y)
                shown, normal = 0.0, np.zeros(3)
                if 0 <= x < 32 and 0 <= y < 24:
                    shown, normal = float(depth[i, y, x]) / zoom, normals[i, :, y, x].numpy()
                # The vector of the result that the map makes the image's out of.
                flat = np.linalg.solve(matrix[:, :2] * zoom, normal[:2])
                assert float(depths[i, row, column]) == pytest.approx(shown, rel=1e-5)
                expected = [*flat, normal[2]]
                assert turned[i, :, row, column].tolist() == pytest.approx(expected, abs=1e-5)


class TestNormals:
    @pytest.mark.parametrize(
        ("drawn", "dim", "axis"),
        [(Augmentation(flip=1), 3, 0), (Augmentation(flip=0, vertical_flip=1), 2, 1)],
    )
    def test_flips_are_exact(self, drawn, dim, axis):
        normals, depth = vectors(), torch.rand(2, 12, 16)
        warp = Warp.draw(drawn, 2, 12, 16)
        expected = normals.flip(dim)
        expected[:, axis] *= -1
        once = warp_normals(warp, normals)
        assert torch.equal(once, expected)
        assert torch.equal(warp_depth(warp, depth), depth.flip(dim - 1))
        assert torch.equal(warp_normals(warp, once), normals)
        assert torch.equal(warp_depth(warp, warp_depth(warp, depth)), depth)

    @pytest.mark.parametrize("quarters", [1, 2, 3])
    def test_quarter_turns(self, quarters):
        """Anticlockwise, as `rot90`: what pointed right, (1, 0), points up, (0, -1)."""
        normals = vectors(2, 16, 16)
        x, y, z = normals.rot90(quarters, (2, 3)).unbind(1)
        for _ in range(quarters):
            x, y = y, -x
        found = warp_normals(chosen(degrees=90 * quarters, count=2, size=(16, 16)), normals)
        torch.testing.assert_close(found, torch.stack([x, y, z], dim=1), atol=1e-6, rtol=0)

    @unhurried
    @given(
        st.booleans(), st.booleans(), st.floats(0.5, 2, width=32), st.floats(-180, 180, width=32)
    )
    def test_keep_their_length_and_there_and_back_is_nothing(self, flip, upside_down, zoom, angle):
        """Of normals that are the same everywhere, so that no pixel is lost on the way."""
        signs = (-1 if flip else 1, -1 if upside_down else 1)
        normals = vectors(4, 1, 1).expand(-1, -1, 9, 9)
        maps = chosen(signs, zoom, angle, count=4, size=(9, 9))
        there = warp_normals(maps, normals)
        middle = there[..., 4, 4]
        known = normals[..., 4, 4].any(dim=1).float()
        torch.testing.assert_close(middle.norm(dim=1), known, atol=1e-6, rtol=0)
        # Undone by the inverse map: a rotation back before a flip, one on after it.
        mirrored = signs[0] * signs[1] == -1
        undo = chosen(signs, 1 / zoom, angle if mirrored else -angle, count=4, size=(9, 9))
        back = warp_normals(undo, there)[..., 4, 4]
        torch.testing.assert_close(back, normals[..., 4, 4], atol=1e-5, rtol=0)

    def test_inputs_are_left_as_they_are(self):
        normals, depth = vectors(), torch.rand(2, 12, 16)
        before = normals.clone(), depth.clone()
        for drawn in (Augmentation(flip=0), Augmentation(flip=1), Augmentation(rotate=30)):
            warp = Warp.draw(drawn, 2, 12, 16)
            warp_normals(warp, normals)
            warp_depth(warp, depth)
        assert torch.equal(normals, before[0])
        assert torch.equal(depth, before[1])


class TestSettings:
    def test_stretched_parts_are_refused(self):
        drawn = Augmentation(crop_area=(0.2, 1), crop_aspect=(0.75, 1.33))
        with pytest.raises(ValueError, match=r"crop_aspect is \[0.75, 1.33\]"):
            drawn.check_keeps_shapes("depths")

    @pytest.mark.parametrize(
        "drawn",
        [
            Augmentation(),
            Augmentation(scale=(0.5, 2), rotate=180, crop=(20, 40)),
            Augmentation(crop_area=(0.2, 1)),
            Augmentation(crop_aspect=(0.75, 1.33)),  # of parts that are never cut
        ],
    )
    def test_the_others_keep_shapes(self, drawn):
        drawn.check_keeps_shapes("depths")
        linear = Warp.draw(drawn, 50, 30, 40).matrices[:, :, :2]
        squares = linear @ linear.mT
        torch.testing.assert_close(squares[:, 0, 0], squares[:, 1, 1])
        torch.testing.assert_close(squares[:, 0, 1], torch.zeros(50), atol=1e-6, rtol=0)
