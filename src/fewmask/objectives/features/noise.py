"""Noise that is added to feature maps: random, or the one that changes predictions most."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from fewmask.objectives.features.maps import Maps

PROBE = 0.1
"""The length of the random noise at which the direction of adversarial noise is computed. With a
much smaller one, such as the 1e-6 of Ouali et al. 2020, most of it is rounded away."""


def drawn_seed() -> int:
    """A seed for what is alike for all images of a step, so that processes which share them draw
    the same."""
    return int(torch.randint(2**62, ()))


def generator_of(seed: int, device: torch.device) -> torch.Generator:
    """A generator at its first number."""
    return torch.Generator(device).manual_seed(seed)


def uniform_noise(maps: Maps, largest: float, generator: torch.Generator) -> list[Tensor]:
    """Maps of which every value is changed by a share of at most ``largest``, drawn evenly, and
    alike for all images."""
    return [one * (1 + largest * _draw(one, generator)) for one in maps]


@torch.enable_grad()
def adversarial_noise(
    maps: Maps, scores: Callable[[Maps], Tensor], length: float, generator: torch.Generator
) -> list[Tensor]:
    """The noise that changes a prediction most (Miyato et al. 2018), for each of the maps.

    With p what is predicted from the maps z, it has the direction of the gradient of
    KL(p(z) || p(z + e)) with respect to e, at a small random e: one step of the power iteration,
    in 32 bits. No gradient reaches the maps.

    Args:
        maps: feature maps.
        scores: from maps to logits, float (N, K, H, W), in evaluation mode.
        length: the norm of the noise of an image, over all maps.
        generator: draws the directions of e, which are alike for all images.
    """
    with torch.autocast(maps[0].device.type, enabled=False):
        clean = [one.detach().to(torch.promote_types(one.dtype, torch.float32)) for one in maps]
        with torch.no_grad():
            expected = scores(clean).softmax(1)
        drawn = _scaled([_draw(one, generator).expand_as(one) for one in clean], PROBE)
        probe = [one.requires_grad_() for one in drawn]
        logits = scores([one + noise for one, noise in zip(clean, probe, strict=True)])
        divergence = functional.kl_div(logits.log_softmax(1), expected, reduction="sum")
        return _scaled(torch.autograd.grad(divergence, probe), length)


def added(maps: Maps, noise: Maps) -> list[Tensor]:
    """Maps with noise, as precise as they were."""
    return [one + other.to(one.dtype) for one, other in zip(maps, noise, strict=True)]


def _draw(one: Tensor, generator: torch.Generator) -> Tensor:
    """Numbers between -1 and 1, as many as one image has in a map: (C, h, w)."""
    options = {"generator": generator, "device": one.device, "dtype": one.dtype}
    return 2 * torch.rand(one.shape[1:], **options) - 1


def _scaled(maps: Maps, length: float) -> list[Tensor]:
    """Maps divided by the norm of all maps of an image, times ``length``; zeros stay."""
    norms = torch.stack([one.flatten(1).norm(dim=1) for one in maps]).norm(dim=0)
    factor = (length / norms.clamp(min=1e-30)).view(-1, 1, 1, 1)
    return [one * factor for one in maps]
