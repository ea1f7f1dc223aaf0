"""Random intensities: each image by operations of its own, pixels where they were."""

import pytest
import torch
from torchvision.transforms.v2 import functional as torchvision

from fewmask.data.augmentation import intensity
from fewmask.data.augmentation.intensity import OPERATIONS, random_intensities

IMAGES = torch.rand(3, 3, 24, 20, generator=torch.Generator().manual_seed(0))
STRENGTHS = torch.tensor([0.1, 0.5, 0.9]).view(3, 1, 1, 1)

OF_TORCHVISION = {
    "identity": lambda image, strength: image,
    "autocontrast": lambda image, strength: torchvision.autocontrast(image),
    "equalize": lambda image, strength: torchvision.equalize(image),
    "contrast": lambda image, strength: torchvision.adjust_contrast(image, 0.05 + 0.9 * strength),
    "brightness": lambda image, s: torchvision.adjust_brightness(image, 0.05 + 0.9 * s),
    "saturation": lambda image, s: torchvision.adjust_saturation(image, 0.05 + 0.9 * s),
    "sharpness": lambda image, s: torchvision.adjust_sharpness(image, 0.05 + 0.9 * s),
    "solarize": lambda image, strength: torchvision.solarize(image, 1 - strength),
    "hue": lambda image, strength: torchvision.adjust_hue(image, strength - 0.5),
    "blur": lambda image, s: torchvision.gaussian_blur(image, [13, 13], [0.1 + 1.9 * s] * 2),
}


@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_operations_are_those_of_torchvision(name: str):
    found = OPERATIONS[name](IMAGES, STRENGTHS)
    for image, strength, one in zip(IMAGES, STRENGTHS.flatten().tolist(), found, strict=True):
        expected = OF_TORCHVISION[name](image, strength)
        inner = (slice(None), slice(6, -6), slice(6, -6))  # borders are padded otherwise
        torch.testing.assert_close(one[inner], expected[inner], atol=2e-5, rtol=0)


@pytest.mark.parametrize(("strength", "values"), [(0.1, 128), (0.3, 64), (0.6, 32), (1.0, 16)])
def test_posterize_leaves_between_16_and_128_values(strength: float, values: int):
    ramp = torch.linspace(0, 1, 3 * 64 * 64).view(1, 3, 64, 64)
    found = OPERATIONS["posterize"](ramp, torch.full((1, 1, 1, 1), strength))
    assert len(found.unique()) == values


def test_each_image_gets_between_one_and_the_most_operations(monkeypatch: pytest.MonkeyPatch):
    counting = {name: lambda images, _: images + 1 for name in OPERATIONS}
    counting["identity"] = intensity.unchanged
    monkeypatch.setattr(intensity, "OPERATIONS", counting)
    counts = random_intensities(torch.zeros(3000, 3, 1, 1), 3)[:, 0, 0, 0]
    drawn = 10 / 11  # of 11 operations one changes nothing
    assert counts.min() == 0
    assert counts.max() == 3
    assert counts.mean().item() == pytest.approx(2 * drawn, abs=0.06)


def test_images_stay_in_range_and_are_not_changed_themselves():
    images = IMAGES.repeat(40, 1, 1, 1)
    before = images.clone()
    found = random_intensities(images, 3)
    assert torch.equal(images, before)
    assert found.shape == images.shape
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found != images).any((1, 2, 3)).double().mean() > 0.7
