"""Gaussian blur of a batch, against that of torchvision image by image."""

import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from fewmask.config.augmentation import Augmentation
from fewmask.data.augmentation.blur import Blur
from tests.data.augmentation.changing import augment


def test_it_is_torchvisions_for_every_image():
    torch.manual_seed(0)
    images = torch.rand(8, 3, 24, 30)
    blur = Blur.draw(Augmentation(blur=0.5, blur_sigma=(0.5, 2.0)), 8)
    found = blur.images(images)
    torch.manual_seed(1)
    middle = blur.weights.shape[1] // 2
    sharp = blur.weights[:, middle] == 1
    assert 0 < sharp.sum() < 8
    assert torch.equal(found[sharp], images[sharp])
    for image, result, weights in zip(images, found, blur.weights, strict=True):
        if weights[middle] == 1:
            continue
        # The bell's width follows from how much lower it is one pixel from its middle.
        sigma = float((-0.5 / torch.log(weights[middle + 1] / weights[middle])).sqrt())
        expected = reference.gaussian_blur(image, len(weights), sigma)
        inner = (slice(None), slice(middle, -middle), slice(middle, -middle))  # padded otherwise
        assert torch.allclose(result[inner], expected[inner], atol=1e-5)


def test_a_image_of_one_colour_stays_as_it_is():
    images = torch.rand(4, 3, 1, 1).expand(-1, -1, 16, 16)
    blur = Blur.draw(Augmentation(blur=1, blur_sigma=(2, 2)), 4)
    assert torch.allclose(blur.images(images), images, atol=1e-6)


def test_never_is_nothing_to_do():
    assert Blur.draw(Augmentation(), 4) is None


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_memory_format_is_kept(memory_format: torch.memory_format):
    images = torch.rand(2, 3, 16, 16).contiguous(memory_format=memory_format)
    changed, _, _ = augment(images, None, None, Augmentation(flip=0, blur=1))
    assert changed.is_contiguous(memory_format=memory_format)
    assert not torch.equal(changed, images)


def test_mixed_precision_does_not_round_it():
    images = torch.rand(4, 3, 16, 16)
    blur = Blur.draw(Augmentation(blur=0.5), 4)
    expected = blur.images(images)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(blur.images(images), expected)
