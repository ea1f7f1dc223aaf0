"""The operations of RandAugment do what those of Pillow and torchvision do."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from fewmask import IGNORE
from fewmask.config.strong_augmentation import StrongAugmentationSettings as Settings
from fewmask.data.augmentation.operations import COLOURS, GEOMETRY, OPERATIONS, compose
from fewmask.data.augmentation.strong import GREY, StrongAugmentation
from tests.data.augmentation.changing import draw, patches, sizes, some_images, unhurried


def apply(name, images, levels):
    """A colour operation, with a level for each image."""
    return COLOURS[name](images, torch.tensor(levels).float().view(-1, 1, 1, 1))


def geometry(size, *steps):
    """The map of a few operations, (name, level) each, for one image."""
    operations = torch.tensor([[OPERATIONS.index(name) for name, _ in steps]], dtype=torch.int64)
    return compose(operations, torch.tensor([[float(level) for _, level in steps]]), size, 1 / 321)


def places(warp):
    """x and y of what every pixel of the result shows of the first image, float32 (2, H, W)."""
    y, x = torch.meshgrid(*(torch.arange(float(n)) for n in warp.size), indexing="ij")
    matrix = warp.matrices[0]
    return (matrix[:, :2] @ torch.stack([x, y]).flatten(1) + matrix[:, 2:]).unflatten(1, warp.size)


def to_pil(image):
    return Image.fromarray((image * 255).round().byte().movedim(0, 2).numpy())


def from_pil(image):
    return torch.from_numpy(np.array(image)).movedim(2, 0) / 255


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
