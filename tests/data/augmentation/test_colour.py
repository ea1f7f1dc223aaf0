"""Colours change as torchvision changes them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as reference

from fewmask.config.augmentation import Augmentation
from fewmask.data.augmentation import colour as module
from fewmask.data.augmentation.colour import Colour
from tests.data.augmentation.changing import EVERYTHING, augment, random_images, unhurried


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
        images = random_images(3)
        images[:, :, 0, :6] = torch.eye(3).repeat(1, 2)  # Pure colours, black, white and greys.
        images[:, :, 1, :5] = torch.tensor([0, 1, 0.5, 1e-6, 1 - 1e-6])
        changed = getattr(module, f"adjust_{name}")(images, torch.tensor(factors).view(3, 1, 1, 1))
        change = getattr(reference, f"adjust_{name}")
        for after, image, factor in zip(changed, images, factors, strict=True):
            torch.testing.assert_close(after, change(image, factor), atol=1e-5, rtol=0)

    def test_follow_one_another(self):
        images, factors = random_images(2), torch.tensor([0.8, 1.3]).view(2, 1, 1, 1)
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
        images, _, _ = augment(random_images(), None, None, EVERYTHING)
        assert images.min() >= 0
        assert images.max() <= 1
