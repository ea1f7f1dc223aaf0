"""Noise that is added to feature maps."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask.objectives.features.noise import added, adversarial_noise, uniform_noise

MAPS = [torch.ones(3, 4, 8, 8), torch.full((3, 6, 4, 4), -2.0)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_uniform_noise_changes_every_value_by_a_share_and_all_images_alike():
    for one, noisy in zip(MAPS, uniform_noise(MAPS, 0.3, generator()), strict=True):
        share = noisy / one
        assert 0.7 <= share.min() < 0.75
        assert 1.25 < share.max() <= 1.3
        assert torch.equal(noisy, noisy[:1].expand_as(noisy))


@pytest.fixture
def layers() -> nn.ModuleList:
    torch.manual_seed(0)
    return nn.ModuleList([nn.Conv2d(4, 5, 3), nn.Conv2d(6, 5, 1)])


def scored(layers: nn.ModuleList, maps: list[Tensor]) -> Tensor:
    first, second = (layer(one) for layer, one in zip(layers, maps, strict=True))
    return first + functional.interpolate(second, first.shape[2:])


def divergence(layers: nn.ModuleList, maps: list[Tensor], noise: list[Tensor]) -> Tensor:
    """KL(p(z) || p(z + e)) of each image."""
    p, q = (scored(layers, one).softmax(1) for one in (maps, added(maps, noise)))
    return (p * (p / q).log()).sum((1, 2, 3))


def test_adversarial_noise_has_its_length_and_changes_more_than_random_noise(layers: nn.ModuleList):
    maps = [torch.rand(one.shape) for one in MAPS]
    found = adversarial_noise(maps, lambda given: scored(layers, given), 0.5, generator())
    norms = torch.stack([one.flatten(1).norm(dim=1) for one in found]).norm(dim=0)
    torch.testing.assert_close(norms, torch.full((3,), 0.5))
    with torch.no_grad():
        reached = divergence(layers, maps, found)
        for seed in range(5):
            torch.manual_seed(seed)
            other = [torch.randn_like(one) for one in maps]
            length = torch.stack([one.flatten(1).norm(dim=1) for one in other]).norm(dim=0)
            other = [0.5 * one / length.view(-1, 1, 1, 1) for one in other]
            assert (reached > 3 * divergence(layers, maps, other)).all()
    assert all(parameter.grad is None for parameter in layers.parameters())
    assert not any(one.requires_grad for one in found)
