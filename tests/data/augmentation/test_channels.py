"""Changes of images whose channels are not red, green and blue."""

import pytest
import torch

from fewmask.config.augmentation import Augmentation
from fewmask.config.strong_augmentation import StrongAugmentationSettings
from fewmask.data.augmentation.colour import adjust_contrast
from fewmask.data.augmentation.intensity import random_intensities
from fewmask.data.augmentation.recolouring import strong_view
from fewmask.data.augmentation.strong import StrongAugmentation

OF_COLOURS = Augmentation(saturation=1, hue=0.5, greyscale=0.5)


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_they_have_neither_hue_nor_saturation(channels: int):
    images = torch.rand(8, channels, 6, 5)
    assert torch.equal(strong_view(OF_COLOURS, images, is_rgb=False), images)
    if channels == 3:
        assert not torch.equal(strong_view(OF_COLOURS, images), images)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_brightness_contrast_and_blur_change_all_channels(channels: int):
    images = torch.rand(8, channels, 6, 5)
    for name in ("brightness", "contrast", "blur"):
        changed = strong_view(Augmentation(**{name: 0.9}), images, is_rgb=False)
        assert changed.shape == images.shape
        assert ((changed - images).abs().amax((2, 3)) > 0).any(dim=0).all()
        assert changed.min() >= 0
        assert changed.max() <= 1


def test_contrast_is_that_of_every_channel():
    images = torch.rand(2, 6, 4, 4) * torch.linspace(0.1, 0.6, 6).view(1, 6, 1, 1)
    changed = adjust_contrast(images, torch.full((2, 1, 1, 1), 0.5))
    means = images.mean((2, 3), keepdim=True)
    torch.testing.assert_close(changed, means + 0.5 * (images - means))


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_random_operations_work_and_spare_colours(channels: int):
    images = torch.rand(64, channels, 8, 8)
    changed = random_intensities(images, 3, is_rgb=False)
    assert changed.shape == images.shape
    assert not torch.equal(changed, images)
    settings = StrongAugmentationSettings(operations=14, probability=1)
    strong = StrongAugmentation.draw(settings, 64, 8, 8, is_rgb=False)
    assert "saturation" not in {step.name for step in strong.colours}
    assert len({step.name for step in strong.colours}) == 7
    assert strong.images(images).shape == images.shape
