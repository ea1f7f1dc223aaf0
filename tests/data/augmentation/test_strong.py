"""Strong changes: each operation against others' code, and masks that go where images go."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps
from torch.nn.functional import one_hot
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from fewmask import IGNORE
from fewmask.config.strong_augmentation import StrongAugmentationSettings as Settings
from fewmask.data.augmentation.operations import COLOURS, GEOMETRY, OPERATIONS, compose
from fewmask.data.augmentation.strong import GREY, StrongAugmentation

# The first call on a busy machine may take longer than the default deadline.
unhurried = settings(deadline=None, max_examples=50)
ALL = Settings(operations=14, probability=1, boxes=0)
CUTOUT = Settings(operations=0, boxes=3, box_size=0.3)


def some_images(count=4, height=24, width=40):
    """Images, float32, of random bytes; a channel of one value, and some of little contrast."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, height, width), generator=generator)
    images[0, 0] = 64
    images[:, 1] = 50 + images[:, 1] // 2
    return images / 255


def patches(count, height, width, size=6):
    """Masks, int64, of squares of 4 classes, and some pixels that are ignored."""
    generator = torch.Generator().manual_seed(1)
    classes = torch.tensor([0, 1, 2, 3, IGNORE])
    shape = (count, -(-height // size), -(-width // size))
    coarse = classes[torch.randint(5, shape, generator=generator)]
    return coarse.repeat_interleave(size, 1).repeat_interleave(size, 2)[:, :height, :width]


def draw(chosen, count=4, height=24, width=40, seed=0):
    torch.manual_seed(seed)
    return StrongAugmentation.draw(chosen, count, height, width)


def without_colours(drawn):
    return StrongAugmentation((), drawn.warp, drawn.corners, drawn.box_size, drawn.ignore_boxes)


def apply(name, images, levels):
    """A colour operation, with a level for each image."""
    return COLOURS[name](images, torch.tensor(levels).float().view(-1, 1, 1, 1))


def geometry(size, *steps):
    """The map of a few operations, (name, level) each, for one image."""
    operations = torch.tensor([[OPERATIONS.index(name) for name, _ in steps]], dtype=torch.int64)
    return compose(operations, torch.tensor([[float(level) for _, level in steps]]), size)


def places(warp):
    """x and y of what every pixel of the result shows of the first image, float32 (2, H, W)."""
    y, x = torch.meshgrid(*(torch.arange(float(n)) for n in warp.size), indexing="ij")
    matrix = warp.matrices[0]
    return (matrix[:, :2] @ torch.stack([x, y]).flatten(1) + matrix[:, 2:]).unflatten(1, warp.size)


def to_pil(image):
    return Image.fromarray((image * 255).round().byte().movedim(0, 2).numpy())


def from_pil(image):
    return torch.from_numpy(np.array(image)).movedim(2, 0) / 255


chosen_settings = st.builds(
    Settings,
    operations=st.integers(0, 14),
    probability=st.sampled_from([0.5, 1.0]),
    magnitude=st.sampled_from([3, 9]),
    boxes=st.integers(0, 3),
    box_size=st.floats(0.01, 0.6),
    ignore_boxes=st.booleans(),
)
sizes = st.tuples(st.integers(16, 48), st.integers(16, 48))
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
        told = (painted[:, :, None] - colours.T[None, :, :, None, None]).abs().amax(1).argmin(1)
        nearest = torch.where(warped == IGNORE, 4, warped)
        certain = drawn.counts & ~drawn._is_grey & (soft.amax(1) > 0.75)
        assert torch.equal(told[certain], nearest[certain])
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


LEVELS = [1, 3, 5, 9]
FACTORS = [0.28, 0.64, 1.0, 1.72]
"""By the paper's code: 0.1 + 1.8 x level / 10."""


class TestColours:
    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("brightness", reference.adjust_brightness),
            ("contrast", reference.adjust_contrast),
            ("saturation", reference.adjust_saturation),
            ("sharpness", reference.adjust_sharpness),
        ],
    )
    def test_factors_are_torchvisions(self, name, change):
        images = some_images()
        changed = apply(name, images, LEVELS)
        for after, image, factor in zip(changed, images, FACTORS, strict=True):
            torch.testing.assert_close(after, change(image, factor), atol=1e-5, rtol=0)

    def test_posterize_is_pillows(self):
        """By the paper's code: 4 - int(4 x level / 10) bits."""
        images = some_images()
        for levels, bits in [([1, 2, 3, 4], (4, 4, 3, 3)), ([5, 7, 8, 9], (2, 2, 1, 1))]:
            changed = apply("posterize", images, levels)
            for after, image, kept in zip(changed, images, bits, strict=True):
                assert torch.equal(after, reference.posterize(image, kept))
                expected = from_pil(ImageOps.posterize(to_pil(image), kept))
                torch.testing.assert_close(after, expected, atol=1.01 / 255, rtol=0)

    def test_solarize_is_pillows(self):
        """By the paper's code: from 256 - int(256 x level / 10) on, of 255."""
        images = torch.arange(256).view(1, 1, 16, 16).repeat(4, 3, 1, 1) / 255
        changed = apply("solarize", images, LEVELS)
        for after, image, threshold in zip(changed, images, (231, 180, 128, 26), strict=True):
            expected = from_pil(ImageOps.solarize(to_pil(image), threshold))
            torch.testing.assert_close(after, expected, atol=1e-6, rtol=0)

    @pytest.mark.parametrize("name", ["autocontrast", "equalize"])
    def test_stretching_is_that_of_torchvision_and_of_pillow(self, name):
        images = some_images(4, 48, 64)
        changed = apply(name, images, LEVELS)
        for after, image in zip(changed, images, strict=True):
            expected = getattr(reference, name)(image)
            torch.testing.assert_close(after, expected, atol=1e-6, rtol=0)
            # Pillow's result is bytes, which it may round down.
            expected = from_pil(getattr(ImageOps, name)(to_pil(image)))
            torch.testing.assert_close(after, expected, atol=1.01 / 255, rtol=0)

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("brightness", ImageEnhance.Brightness),
            ("contrast", ImageEnhance.Contrast),
            ("saturation", ImageEnhance.Color),
            ("sharpness", ImageEnhance.Sharpness),
        ],
    )
    def test_factors_are_pillows_but_for_its_rounding(self, name, change):
        images = some_images()
        changed = apply(name, images, LEVELS)
        for after, image, factor in zip(changed, images, FACTORS, strict=True):
            expected = from_pil(change(to_pil(image)).enhance(factor))
            torch.testing.assert_close(after, expected, atol=2.01 / 255, rtol=0)

    def test_each_changes_the_images_that_drew_it_in_the_order_drawn(self):
        drawn = draw(Settings(operations=3, probability=1, boxes=0), count=400)
        images = some_images(1).repeat(400, 1, 1, 1)
        still = geometry((24, 40))
        plain = StrongAugmentation(drawn.colours, still, drawn.corners, 1, False)
        expected = list(images.clone())
        repeated = set()
        for step in drawn.colours:
            for row, level in zip(step.rows.tolist(), step.levels, strict=True):
                repeated.add((row, step.name))
                expected[row] = COLOURS[step.name](expected[row][None], level[None])[0]
        torch.testing.assert_close(plain.images(images), torch.stack(expected))
        # With replacement: some image draws the same operation twice.
        assert sum(len(step.rows) for step in drawn.colours) > len(repeated)


class TestGeometry:
    @pytest.mark.parametrize("level", [-9, -2, 5, 9])
    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("rotate", lambda level: {"angle": -3.0 * level}),
            ("shear_x", lambda level: {"shear": [-np.degrees(np.arctan(0.03 * level)), 0.0]}),
            ("shear_y", lambda level: {"shear": [0.0, -np.degrees(np.arctan(0.03 * level))]}),
            ("translate_x", lambda level: {"translate": [level, 0]}),
            ("translate_y", lambda level: {"translate": [0, level]}),
        ],
    )
    def test_each_is_torchvisions(self, name, arguments, level):
        images = some_images(1, 321, 341)
        plain = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]}
        if name.startswith("shear"):
            plain["center"] = [0.0, 0.0]  # The top left corner.
        expected = reference.affine(
            images, **plain | arguments(level), interpolation=InterpolationMode.BILINEAR,
            fill=[GREY] * 3,
        )  # fmt: skip
        warp = geometry((321, 341), (name, level))
        found = warp.images(images)
        # torchvision blends the outermost half pixel with what lies outside.
        x, y = places(warp)
        deep = (x >= 0) & (x <= 340) & (y >= 0) & (y <= 320)
        assert deep.sum() > 50_000
        torch.testing.assert_close(found[..., deep], expected[..., deep], atol=5e-3, rtol=0)

    @pytest.mark.parametrize("level", [-9, -2, 5, 9])
    @pytest.mark.parametrize("name", GEOMETRY)
    def test_masks_are_those_of_pillow(self, name, level):
        """Each as the paper's code asks Pillow for it, at the paper's size; there the sign is drawn
        evenly, so that it does not matter which way is called positive."""
        masks = patches(1, 321, 321, size=24).byte()
        pillow = Image.fromarray(masks[0].numpy())
        coefficients = {
            "shear_x": (1, -0.03 * level, 0, 0, 1, 0),
            "shear_y": (1, 0, 0, -0.03 * level, 1, 0),
            "translate_x": (1, 0, -level, 0, 1, 0),
            "translate_y": (1, 0, 0, 0, 1, -level),
        }
        if name == "rotate":
            expected = pillow.rotate(3 * level, fillcolor=IGNORE)
        else:
            affine = Image.Transform.AFFINE
            expected = pillow.transform((321, 321), affine, coefficients[name], fillcolor=IGNORE)
        found = geometry((321, 321), (name, level)).masks(masks)[0]
        agree = found == torch.from_numpy(np.array(expected))
        assert agree.float().mean() > 0.999

    def test_shifts_grow_with_the_shorter_side(self):
        for size in [(321, 400), (642, 700), (1000, 642)]:
            x, _ = geometry(size, ("translate_x", 9)).matrices[0, :, 2]
            assert x == pytest.approx(-9 * min(size) / 321, rel=1e-5)

    steps = st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(-9, 9)), max_size=5)

    @unhurried
    @given(steps, sizes)
    def test_composition_is_one_after_the_other(self, steps, size):
        """A pixel's place, taken back through the maps one by one, is where the one map says."""
        expected = places(geometry(size)).flatten(1)
        for step in reversed(steps):
            matrix = geometry(size, step).matrices[0]
            expected = matrix[:, :2] @ expected + matrix[:, 2:]
        found = places(geometry(size, *steps)).flatten(1)
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)

    def test_masks_warped_one_by_one_agree_but_for_rounding(self):
        steps = [*zip(GEOMETRY, [4, -6, 7, 2, -3], strict=True), ("rotate", -2)]
        size = (192, 256)
        masks = patches(1, *size, size=32)
        one_by_one = masks
        for step in steps:
            one_by_one = geometry(size, step).masks(one_by_one)
        together = geometry(size, *steps).masks(masks)
        counts = (one_by_one != IGNORE) & (together != IGNORE)
        assert counts.float().mean() > 0.3
        assert (one_by_one == together)[counts].float().mean() > 0.97

    def test_signs_are_as_documented(self):
        size = (321, 321)
        masks = torch.zeros(1, *size, dtype=torch.uint8)
        # Right of the centre, and below it.
        masks[0, 158:163, 278:283], masks[0, 278:283, 158:163] = 1, 2
        moved = {}
        for name in GEOMETRY:
            warped = geometry(size, (name, 2)).masks(masks, outside=0)[0]
            moved[name] = {value: (warped == value).nonzero().float().mean(0) for value in (1, 2)}
        assert moved["shear_x"][2][1] > 170  # The lower one to the right,
        assert moved["shear_y"][1][0] > 170  # the right one down,
        assert moved["rotate"][1][0] < 155  # or up, anticlockwise.
        assert moved["translate_x"][2].tolist() == [280, 162]
        assert moved["translate_y"][1].tolist() == [162, 280]


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
