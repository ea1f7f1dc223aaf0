"""Masks go where their images go."""

from math import pi

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import one_hot

from fewmask import IGNORE
from fewmask.config.augmentation import Augmentation
from fewmask.data.augmentation.warp import Warp, similarity
from tests.data.augmentation.changing import augment, patches, random_images, sizes, unhurried


def numbered(count, height, width):
    """Masks, int64, in which every pixel has a number of its own."""
    return torch.arange(height * width).view(1, height, width).repeat(count, 1, 1)


def turned(degrees=0.0, zoom=1.0, source=(24, 24), size=None):
    """One map that rotates and zooms about the centre of the image."""
    size = size or source
    centre = torch.tensor([[(source[1] - 1) / 2, (source[0] - 1) / 2]])
    angle = torch.tensor([degrees / 180 * pi])
    return Warp(
        similarity(torch.ones(1, 2), torch.tensor([zoom]), angle, centre, size), source, size
    )


warps = st.builds(
    Augmentation,
    flip=st.sampled_from([0, 0.5, 1]),
    vertical_flip=st.sampled_from([0, 0.5]),
    scale=st.sampled_from([(1.0, 1.0), (0.5, 2.0), (1.0, 1.3)]),
    rotate=st.sampled_from([0, 10, 180]),
    crop=st.sampled_from([None, 16, (20, 44), (50, 18)]),
)


class TestPairing:
    @unhurried
    @given(warps, sizes, st.integers(0, 2**32))
    def test_masks_go_where_their_images_go(self, chosen, size, seed):
        torch.manual_seed(seed)
        masks = patches(3, *size)
        warp = Warp.draw(chosen, 3, *size)
        warped = warp.masks(masks)
        layers = one_hot(masks.clamp(max=4), 5).movedim(3, 1).float()  # The fifth is ignored.
        in_image = warp.inside(torch.ones(3, 1, *size))[:, 0] == 1
        share, seen = warp.images(layers).max(1)
        certain = (share > 0.75) & in_image
        assert torch.equal(warped[certain], seen.masked_fill(seen == 4, IGNORE)[certain])
        assert (warped[~in_image] == IGNORE).all()
        assert certain.any()

    @unhurried
    @given(warps, sizes, st.integers(0, 2**32))
    def test_padding_and_its_ignored_pixels_stay_together(self, chosen, size, seed):
        torch.manual_seed(seed)
        inside = torch.zeros(2, 1, *size)
        inside[0, :, : size[0] // 2] = 1
        inside[1, :, :, : size[1] // 3] = 1
        masks = torch.where(inside[:, 0] == 1, 2, IGNORE).to(torch.uint8)
        images, masks, inside = augment(inside.expand(-1, 3, -1, -1), masks, inside, chosen)
        assert torch.equal(masks == 2, inside[:, 0] == 1)
        assert set(masks.unique().tolist()) <= {2, IGNORE}
        assert images.shape[2:] == masks.shape[1:] == inside.shape[2:]

    @unhurried
    @given(warps, sizes, st.integers(0, 2**32))
    def test_every_pixel_shows_the_place_that_its_matrix_names(self, chosen, size, seed):
        """Images whose values are their own coordinates tell what was shown."""
        torch.manual_seed(seed)
        y, x = torch.meshgrid(*(torch.arange(float(n)) for n in size), indexing="ij")
        coordinates = torch.stack([x, y]).repeat(2, 1, 1, 1)
        warp = Warp.draw(chosen, 2, *size)
        shown = warp.images(coordinates)
        rows, columns = torch.meshgrid(*(torch.arange(float(n)) for n in warp.size), indexing="ij")
        result = torch.stack([columns, rows, torch.ones_like(rows)]).flatten(1)
        expected = (warp.matrices @ result).unflatten(2, warp.size)
        limits = torch.tensor([size[1] - 1.0, size[0] - 1.0]).view(1, 2, 1, 1)
        torch.testing.assert_close(
            shown, expected.clamp(min=torch.zeros(()), max=limits), atol=1e-3, rtol=0
        )


class TestFlips:
    @pytest.mark.parametrize(
        ("chosen", "dims"),
        [
            (Augmentation(flip=1), [-1]),
            (Augmentation(flip=0, vertical_flip=1), [-2]),
            (Augmentation(flip=1, vertical_flip=1), [-1, -2]),
        ],
    )
    def test_are_exact(self, chosen, dims):
        images, masks, inside = (
            random_images(),
            patches(4, 24, 40, size=5),
            random_images(channels=1).round(),
        )
        flipped = augment(images, masks, inside, chosen)
        for before, after in zip((images, masks, inside), flipped, strict=True):
            assert torch.equal(before.flip(dims), after)

    def test_happen_as_often_as_asked(self):
        signs = Warp.draw(Augmentation(flip=0.3), 10_000, 8, 8).matrices[:, :, :2]
        assert abs((signs[:, 0, 0] == -1).float().mean() - 0.3) < 0.02
        assert (signs[:, 1, 1] == 1).all()


class TestRotationAndZoom:
    @pytest.mark.parametrize("quarters", [1, 2, 3])
    def test_quarter_turns_are_exact(self, quarters):
        warp = turned(90 * quarters)
        images, masks = random_images(1, 24, 24), patches(1, 24, 24, size=5)
        assert torch.equal(warp.masks(masks), masks.rot90(quarters, (1, 2)))
        torch.testing.assert_close(warp.images(images), images.rot90(quarters, (2, 3)))

    def test_shapes_stay_true_in_oblong_images(self):
        images = random_images(1, 17, 41)
        warp = turned(90, source=(17, 41), size=(17, 17))
        torch.testing.assert_close(warp.images(images), images[..., 12:29].rot90(1, (2, 3)))

    def test_flips_come_before_rotation(self):
        signs, one = torch.tensor([[-1.0, 1.0]]), torch.ones(1)
        matrices = similarity(signs, one, one * pi / 2, torch.full((1, 2), 11.5), (24, 24))
        masks = patches(1, 24, 24, size=5)
        warped = Warp(matrices, (24, 24), (24, 24)).masks(masks)
        assert torch.equal(warped, masks.flip(2).rot90(1, (1, 2)))

    def test_zooming_by_two_is_about_the_centre(self):
        chosen = Augmentation(flip=0, scale=(2, 2))
        masks = patches(1, 24, 40, size=5)
        warped = Warp.draw(chosen, 1, 24, 40).masks(masks)
        centre = masks[:, 6:18, 10:30]
        assert torch.equal(warped, centre.repeat_interleave(2, 1).repeat_interleave(2, 2))

    def test_zooming_out_leaves_a_frame_that_is_ignored(self):
        warp = turned(zoom=0.5)
        warped = warp.masks(torch.ones(1, 24, 24, dtype=torch.uint8))
        assert (warped[:, 6:18, 6:18] == 1).all()
        assert (warped == IGNORE).sum() == 24 * 24 - 12 * 12
        assert (warp.masks(torch.ones(1, 24, 24), outside=7) == 7).any()

    def test_are_drawn_from_the_ranges_asked(self):
        linear = Warp.draw(Augmentation(scale=(0.5, 2), rotate=30), 10_000, 8, 8).matrices[..., :2]
        zoom = linear.det().abs().rsqrt()
        assert zoom.min() > 0.499
        assert zoom.max() < 2.001
        assert abs((zoom < 1).float().mean() - 0.5) < 0.02  # Even on a logarithmic scale.
        angle = torch.atan2(linear[:, 1, 0], linear[:, 1, 1]).rad2deg()
        assert 29.5 < angle.max() <= 30.001
        assert -29.5 > angle.min() >= -30.001


class TestCrops:
    def test_are_slices_at_every_place(self):
        count, (height, width) = 400, (18, 20)
        chosen = Augmentation(flip=0, crop=16)
        images, masks = (
            random_images(1, height, width).repeat(count, 1, 1, 1),
            numbered(count, 18, 20),
        )
        cropped, warped, _ = augment(images, masks, None, chosen)
        corners = set()
        for image, mask in zip(cropped, warped, strict=True):
            row, column = divmod(int(mask[0, 0]), width)
            corners.add((row, column))
            assert torch.equal(mask, masks[0, row : row + 16, column : column + 16])
            assert torch.equal(image, images[0, :, row : row + 16, column : column + 16])
        assert corners == {(row, column) for row in range(3) for column in range(5)}

    def test_larger_than_the_image_hold_all_of_it(self):
        warp = Warp.draw(Augmentation(flip=0.5, crop=(30, 29)), 50, 20, 24)
        warped = warp.masks(numbered(50, 20, 24), outside=-1)
        for mask in warped:
            assert sorted(mask[mask >= 0].tolist()) == [*range(20 * 24)]
        tops = {int((mask >= 0).any(1).int().argmax()) for mask in warped}
        assert tops == {*range(11)}
        assert (warp.inside(torch.ones(50, 1, 20, 24)).sum((1, 2, 3)) == 20 * 24).all()

    @unhurried
    @given(sizes, st.integers(0, 2**32))
    def test_of_a_larger_zoomed_image_stay_inside(self, size, seed):
        torch.manual_seed(seed)
        warp = Warp.draw(Augmentation(scale=(1.0, 2.0), crop=16), 5, *size)
        assert (warp.inside(torch.ones(5, 1, *size)) == 1).all()

    def test_of_zoomed_images_are_taken_anywhere(self):
        chosen = Augmentation(flip=0, scale=(2, 2), crop=16)
        corners = Warp.draw(chosen, 2000, 16, 16).matrices[:, 0, 2]
        assert corners.min() == -0.25
        assert corners.max() == 7.75
        assert abs(corners.mean() - 3.75) < 0.3


def test_a_warp_for_another_size_is_an_error():
    warp = Warp.draw(Augmentation(), 4, 12, 20)
    with pytest.raises(ValueError, match=r"drawn for \(12, 20\), given \(24, 40\) pixels"):
        warp.images(random_images())
