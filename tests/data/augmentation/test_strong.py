"""Strong changes: each operation against others' code, and masks that go where images go."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import one_hot

from fewmask import IGNORE
from fewmask.config.strong_augmentation import StrongAugmentationSettings as Settings
from fewmask.data.augmentation.operations import COLOURS, OPERATIONS
from fewmask.data.augmentation.strong import GREY, StrongAugmentation
from tests.data.augmentation.changing import draw, patches, sizes, some_images, unhurried

ALL = Settings(operations=14, probability=1, boxes=0)
CUTOUT = Settings(operations=0, boxes=3, box_size=0.3)


def without_colours(drawn):
    return StrongAugmentation((), drawn.warp, drawn.corners, drawn.box_size, drawn.ignore_boxes)


chosen_settings = st.builds(
    Settings,
    operations=st.integers(0, 14),
    probability=st.sampled_from([0.5, 1.0]),
    magnitude=st.sampled_from([3, 9]),
    boxes=st.integers(0, 3),
    box_size=st.floats(0.01, 0.6),
    ignore_boxes=st.booleans(),
)
seeds = st.integers(0, 2**32)


class TestPairing:
    @unhurried
    @given(chosen_settings, sizes, seeds)
    def test_colours_that_tell_the_class_still_do(self, chosen, size, seed):
        masks = patches(3, *size)
        layers = one_hot(masks.clamp(max=4), 5).movedim(3, 1).float()  # The fifth is ignored.
        colours = torch.tensor([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0.0]])
        images = torch.einsum("nkhw,kc->nchw", layers, colours)
        drawn = without_colours(draw(chosen, 3, *size, seed=seed))
        painted, warped, soft = drawn.images(images), drawn.masks(masks), drawn.maps(layers)
        seen = (painted[:, :, None] - colours.T[None, :, :, None, None]).abs().amax(1).argmin(1)
        nearest = torch.where(warped == IGNORE, 4, warped)
        certain = drawn.counts & ~drawn._is_grey & (soft.amax(1) > 0.75)
        assert torch.equal(seen[certain], nearest[certain])
        assert torch.equal(soft.argmax(1)[certain], nearest[certain])
        torch.testing.assert_close(soft.sum(1), torch.ones_like(soft[:, 0]))
        assert (warped[~drawn.counts] == IGNORE).all()
        assert (painted.movedim(1, 3)[drawn._is_grey] == GREY).all()

    @unhurried
    @given(chosen_settings, seeds)
    def test_colours_do_not_move_masks(self, chosen, seed):
        drawn, masks = draw(chosen, seed=seed), patches(4, 24, 40)
        assert torch.equal(drawn.masks(masks), without_colours(drawn).masks(masks))

    @unhurried
    @given(chosen_settings, sizes, seeds)
    def test_padding_and_its_ignored_pixels_stay_together(self, chosen, size, seed):
        inside = torch.zeros(2, 1, *size)
        inside[0, :, : size[0] // 2] = 1
        inside[1, :, :, : size[1] // 3] = 1
        masks = torch.where(inside[:, 0] == 1, 2, IGNORE).to(torch.uint8)
        drawn = draw(chosen, 2, *size, seed=seed)
        expected = (drawn.inside(inside)[:, 0] == 1) & drawn.counts
        assert torch.equal(drawn.masks(masks) == 2, expected)
        assert drawn.masks(masks).dtype == torch.uint8

    @unhurried
    @given(chosen_settings, seeds)
    def test_values_stay_in_range(self, chosen, seed):
        images = draw(chosen, seed=seed).images(some_images())
        assert images.isfinite().all()
        assert images.min() >= 0
        assert images.max() <= 1


class TestCutout:
    @unhurried
    @given(st.integers(1, 4), st.floats(0.01, 0.99), sizes, seeds)
    def test_boxes_are_squares_alike_in_images_and_masks(self, boxes, share, size, seed):
        chosen = Settings(operations=0, boxes=boxes, box_size=share, ignore_boxes=True)
        drawn = draw(chosen, 3, *size, seed=seed)
        box_size = max(1, round(share * min(size)))
        assert drawn.box_size == box_size
        images, masks = torch.zeros(3, 3, *size), torch.zeros(3, *size, dtype=torch.uint8)
        expected = torch.zeros(3, *size, dtype=torch.bool)
        for image, corners in zip(expected, drawn.corners.tolist(), strict=True):
            for column, row in corners:
                image[max(row, 0) : max(row + box_size, 0),
                        max(column, 0) : max(column + box_size, 0)] = True  # fmt: skip
        assert torch.equal(drawn.images(images), GREY * expected[:, None].expand(3, 3, *size))
        assert torch.equal(drawn.masks(masks) == IGNORE, expected)
        assert torch.equal(drawn.counts, ~expected)
        # The pixel in the middle of a box lies in the image.
        middles = drawn.corners + box_size // 2
        assert (middles >= 0).all()
        assert (middles < torch.tensor([size[1], size[0]])).all()

    def test_boxes_are_those_of_the_papers_code(self):
        """Three of 32 of 321 pixels, and the masks below them count."""
        drawn = draw(Settings(), height=321, width=400)
        assert (drawn.corners.shape[1], drawn.box_size) == (3, 32)
        assert not drawn.ignore_boxes

    def test_boxes_stay_in_the_mask(self):
        drawn = draw(CUTOUT)
        masks = patches(4, 24, 40)
        assert torch.equal(drawn.masks(masks), masks)
        assert drawn.counts.all()
        assert (drawn.images(torch.zeros(4, 3, 24, 40)) == GREY).any()

    def test_they_are_anywhere(self):
        corners = draw(Settings(box_size=9 / 24), 20_000).corners + 4
        for axis, length in ((0, 40), (1, 24)):
            counts = corners[..., axis].flatten().bincount(minlength=length)
            assert len(counts) == length
            assert (counts / counts.sum() * length - 1).abs().max() < 0.1


class TestDrawing:
    def test_there_are_fourteen_operations(self):
        assert len(set(OPERATIONS)) == 14 == Settings.model_fields["operations"].metadata[1].le

    def test_each_is_drawn_as_often_as_any_other(self):
        drawn = draw(Settings(boxes=0), count=20_000)
        for name in COLOURS:
            steps = [step for step in drawn.colours if step.name == name]
            assert len(steps) == 3
            assert all(step.rows.unique().equal(step.rows) for step in steps)
            levels = torch.cat([step.levels.flatten() for step in steps])
            assert abs(len(levels) / (20_000 * 3 / 14 * 0.5) - 1) < 0.06
            counts = levels.long().bincount(minlength=10)
            assert counts[0] == 0
            assert len(counts) == 10  # levels from 1 to 9
            assert (counts[1:] / len(levels) * 9 - 1).abs().max() < 0.25

    def test_geometry_goes_either_way(self):
        """Of the fifth of all images that drew one operation of geometry and no other."""
        one = Settings(operations=1, probability=1)
        matrices = draw(one, count=20_000, height=321, width=321).warp.matrices
        for values, largest in [(matrices[:, 0, 2][matrices[:, 0, 1] == 0], 9.0),
                                (matrices[:, 1, 2][matrices[:, 1, 0] == 0], 9.0),
                                (matrices[:, 0, 1][matrices[:, 1, 0] == 0], 0.27),
                                (matrices[:, 1, 0][matrices[:, 0, 1] == 0], 0.27)]:  # fmt: skip
            some = values[values != 0]
            assert abs(len(some) / (20_000 / 14) - 1) < 0.15
            assert some.abs().max() == pytest.approx(largest, rel=1e-3)
            assert abs(some.mean()) < 0.06 * largest

    def test_the_probability_and_the_magnitude_count(self):
        never = draw(Settings(probability=0, boxes=0))
        assert never.warp.is_identity
        assert not never.colours
        weak = draw(ALL.model_copy(update={"magnitude": 1}), count=1000)
        assert all((step.levels == 1).all() for step in weak.colours)
        changes = sum(len(step.rows) for step in weak.colours)
        assert abs(changes / (1000 * 14 * 8 / 14) - 1) < 0.1

    def test_a_sensible_share_is_ignored(self):
        torch.manual_seed(0)
        shares = {}
        cut = Settings(operations=0, ignore_boxes=True)
        for name, chosen in {"moved": Settings(boxes=0), "cut": cut}.items():
            drawn = StrongAugmentation.draw(chosen, 500, 321, 321)
            shares[name] = 1 - drawn.counts.float().mean()
        assert 0.02 < shares["moved"] < 0.12
        # Three boxes of 32 x 32 cover 3 % of 321 x 321 pixels, less what overlaps or lies outside.
        assert 0.025 < shares["cut"] < 0.03

    def test_one_seed_gives_one_result(self):
        results = []
        for seed in (1, 1, 2):
            drawn = draw(Settings(box_size=0.3), seed=seed)
            results.append((drawn.images(some_images()), drawn.masks(patches(4, 24, 40))))
        for one, same, other in zip(*results, strict=True):
            assert torch.equal(one, same)
            assert not torch.equal(one, other)

    def test_what_was_given_is_left_as_it_was(self):
        images, masks = some_images(), patches(4, 24, 40)
        drawn = draw(ALL.model_copy(update={"boxes": 2}))
        drawn.images(images), drawn.masks(masks)
        assert torch.equal(images, some_images())
        assert torch.equal(masks, patches(4, 24, 40))

    def test_nothing_to_do_changes_nothing(self):
        drawn = draw(Settings(operations=0, boxes=0))
        images, masks = some_images(), patches(4, 24, 40)
        assert torch.equal(drawn.images(images), images)
        assert torch.equal(drawn.masks(masks), masks)

    def test_mixed_precision_changes_nothing(self):
        images = draw(ALL).images(some_images())
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(draw(ALL).images(some_images()), images)

    def test_images_of_another_size_are_an_error(self):
        with pytest.raises(ValueError, match=r"drawn for \(24, 40\), given \(12, 20\) pixels"):
            draw(ALL).images(some_images(4, 12, 20))


@pytest.mark.parametrize("chosen", [ALL, CUTOUT])
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_memory_format_is_kept(chosen, memory_format):
    images = draw(chosen).images(some_images().contiguous(memory_format=memory_format))
    assert images.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("chosen", [ALL, CUTOUT])
def test_nothing_waits_for_the_device(chosen):
    """Tensors without values show what is read on the host, or is left there."""
    drawn = StrongAugmentation.draw(chosen, 4, 24, 40, "meta")
    images, masks = some_images().to("meta"), patches(4, 24, 40).to("meta")
    padding = torch.ones(4, 1, 24, 40, device="meta")
    changed = drawn.images(images), drawn.masks(masks), drawn.inside(padding), drawn.counts
    assert all(one.is_meta for one in changed)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("chosen", [ALL, CUTOUT])
def test_a_gpu_does_the_same_and_is_not_waited_for(chosen):
    images, masks = some_images(), patches(4, 24, 40)
    on_gpu = images.cuda(), masks.cuda()
    expected = draw(chosen)
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    torch.cuda.set_sync_debug_mode("error")
    try:
        drawn = StrongAugmentation.draw(chosen, 4, 24, 40, "cuda")
        found = drawn.images(on_gpu[0]), drawn.masks(on_gpu[1])
    finally:
        torch.cuda.set_sync_debug_mode("default")
        torch.use_deterministic_algorithms(False)
    # A value between two steps of equalize or posterize may fall to either, a place half-way
    # between two pixels to either.
    close = (found[0].cpu() - expected.images(images)).abs() < 1e-3
    assert close.float().mean() > 0.99
    assert (found[1].cpu() == expected.masks(masks)).float().mean() > 0.999
