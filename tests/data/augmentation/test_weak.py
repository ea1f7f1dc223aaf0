"""Masks go where their images go; colours change as torchvision changes them."""

from math import pi

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import one_hot
from torchvision.transforms.v2 import functional as reference

from fewmask import IGNORE
from fewmask.config.augmentation import Augmentation
from fewmask.data.augmentation import colour as module
from fewmask.data.augmentation.colour import Colour
from fewmask.data.augmentation.warp import Warp, similarity
from tests.data.augmentation.changing import augment, patches

# The first call on a busy machine may take longer than the default deadline.
unhurried = settings(deadline=None, max_examples=50)
NOTHING = Augmentation(flip=0)
EVERYTHING = Augmentation(
    flip=0.5, vertical_flip=0.5, scale=(0.5, 2.0), rotate=30, crop=(24, 40),
    brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1,
)  # fmt: skip


def some_images(count=4, height=24, width=40, channels=3):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, channels, height, width, generator=generator)


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
sizes = st.tuples(st.integers(16, 48), st.integers(16, 48))


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
            some_images(),
            patches(4, 24, 40, size=5),
            some_images(channels=1).round(),
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
        images, masks = some_images(1, 24, 24), patches(1, 24, 24, size=5)
        assert torch.equal(warp.masks(masks), masks.rot90(quarters, (1, 2)))
        torch.testing.assert_close(warp.images(images), images.rot90(quarters, (2, 3)))

    def test_shapes_stay_true_in_oblong_images(self):
        images = some_images(1, 17, 41)
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
            some_images(1, height, width).repeat(count, 1, 1, 1),
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


class TestNothingToDo:
    def test_gives_back_the_very_tensors(self):
        batch = some_images(), patches(4, 24, 40, size=5), torch.ones(4, 1, 24, 40)
        for chosen in (NOTHING, Augmentation(flip=0, crop=(24, 40))):
            assert Warp.draw(chosen, 4, 24, 40).is_identity
            assert all(a is b for a, b in zip(batch, augment(*batch, chosen), strict=True))

    def test_absent_masks_and_padding_stay_absent(self):
        images, masks, inside = augment(some_images(), None, None, EVERYTHING)
        assert images.shape == (4, 3, 24, 40)
        assert masks is None
        assert inside is None

    def test_whole_numbers_become_fractions(self):
        images = (some_images() * 255).to(torch.uint8)
        assert torch.equal(augment(images, None, None, NOTHING)[0], images.float() / 255)


class TestColours:
    @pytest.mark.parametrize(
        ("name", "factors"),
        [
            ("brightness", [0.2, 1.0, 1.7]),
            ("contrast", [0.2, 1.0, 1.7]),
            ("saturation", [0.0, 1.0, 1.7]),
            ("hue", [-0.5, 0.0, 0.31]),
        ],
    )
    def test_agree_with_torchvision(self, name, factors):
        images = some_images(3)
        images[:, :, 0, :6] = torch.eye(3).repeat(1, 2)  # Pure colours, black, white and greys.
        images[:, :, 1, :5] = torch.tensor([0, 1, 0.5, 1e-6, 1 - 1e-6])
        changed = getattr(module, f"adjust_{name}")(images, torch.tensor(factors).view(3, 1, 1, 1))
        change = getattr(reference, f"adjust_{name}")
        for after, image, factor in zip(changed, images, factors, strict=True):
            torch.testing.assert_close(after, change(image, factor), atol=1e-5, rtol=0)

    def test_follow_one_another(self):
        images, factors = some_images(2), torch.tensor([0.8, 1.3]).view(2, 1, 1, 1)
        changed = Colour(factors, factors, factors, factors - 1).images(images)
        for after, image, factor in zip(changed, images, (0.8, 1.3), strict=True):
            for name in ("brightness", "contrast", "saturation"):
                image = getattr(reference, f"adjust_{name}")(image, factor)
            torch.testing.assert_close(
                after, reference.adjust_hue(image, factor - 1), atol=1e-5, rtol=0
            )

    def test_are_drawn_from_the_ranges_asked(self):
        colour = Colour.draw(Augmentation(brightness=0.4, hue=0.1), 10_000)
        assert colour.contrast is None
        assert colour.saturation is None
        for drawn, middle, largest in [(colour.brightness, 1, 0.4), (colour.hue, 0, 0.1)]:
            assert drawn.shape == (10_000, 1, 1, 1)
            assert 0.99 * largest < (drawn - middle).abs().max() <= largest * 1.001
            assert abs((drawn - middle).mean()) < 0.05 * largest

    @unhurried
    @given(st.integers(0, 2**32))
    def test_stay_in_range(self, seed):
        torch.manual_seed(seed)
        images, _, _ = augment(some_images(), None, None, EVERYTHING)
        assert images.min() >= 0
        assert images.max() <= 1


class TestRandomness:
    def test_one_seed_gives_one_result(self):
        results = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            results.append(augment(some_images(), patches(4, 24, 40, size=5), None, EVERYTHING)[:2])
        for one, same, other in zip(*results, strict=True):
            assert torch.equal(one, same)
            assert not torch.equal(one, other)

    def test_one_setting_does_not_change_what_others_draw(self):
        matrices = []
        for chosen in (Augmentation(), Augmentation(scale=(0.5, 2.0), brightness=0.4)):
            torch.manual_seed(0)
            matrices.append(Warp.draw(chosen, 50, 8, 8).matrices[:, 0, 0].sign())
        assert torch.equal(*matrices)

    def test_images_differ_from_one_another(self):
        images, _, _ = augment(some_images(1).repeat(4, 1, 1, 1), None, None, EVERYTHING)
        assert all(not torch.equal(images[0], image) for image in images[1:])


@pytest.mark.parametrize("chosen", [Augmentation(flip=1), EVERYTHING, NOTHING])
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_memory_format_is_kept(chosen, memory_format):
    images, _, _ = augment(
        some_images().contiguous(memory_format=memory_format), None, None, chosen
    )
    assert images.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("chosen", [Augmentation(), Augmentation(crop=16), EVERYTHING])
def test_nothing_waits_for_the_device(chosen):
    """Tensors without values show what is read on the host, or is left there."""
    images, masks = some_images().to("meta"), patches(4, 24, 40, size=5).to("meta")
    changed = augment(images, masks, torch.ones(4, 1, 24, 40, device="meta"), chosen)
    assert all(one.is_meta for one in changed)


def test_a_warp_for_another_size_is_an_error():
    warp = Warp.draw(Augmentation(), 4, 12, 20)
    with pytest.raises(ValueError, match=r"drawn for \(12, 20\), given \(24, 40\) pixels"):
        warp.images(some_images())


def test_mixed_precision_does_not_move_anything():
    torch.manual_seed(0)
    plain = augment(some_images(), None, None, EVERYTHING)[0]
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(augment(some_images(), None, None, EVERYTHING)[0], plain)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("chosen", [Augmentation(), Augmentation(crop=16), EVERYTHING])
def test_a_gpu_does_the_same_and_is_not_waited_for(chosen):
    on_cpu = some_images(), patches(4, 24, 40, size=5), torch.ones(4, 1, 24, 40)
    on_gpu = [one.cuda() for one in on_cpu]
    torch.manual_seed(0)
    expected = augment(*on_cpu, chosen)
    torch.manual_seed(0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = augment(*on_gpu, chosen)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(found[0].cpu(), expected[0], atol=1e-4, rtol=0)
    for one, other in zip(found[1:], expected[1:], strict=True):
        # A place half-way between two pixels may round to either.
        assert (one.cpu() == other).float().mean() > 0.999
