"""Virtual adversarial training: its losses, and its noise, from their formulas."""

import numpy as np
import pytest
import torch

from fewmask.objectives.vat.objective import contrast, unit
from tests.objectives.consistency.making import (
    Seen,
    batches,
    labelled_cross_entropy,
    objective,
    softmax,
    taught_logits,
)


@pytest.mark.parametrize("threshold", [0, 0.5, 1])
@pytest.mark.parametrize("teacher", [{}, {"teacher_decay": None, "result": "student"}])
def test_the_losses_are_their_formulas(threshold: float, teacher: dict):
    one = objective("vat", colours=None, confidence={"threshold": threshold}, **teacher)
    drawn, seen = batches(), Seen(one)
    weak = drawn["unlabelled"]
    logits = taught_logits(one, weak)
    found = one.losses(drawn, 0)
    expected = labelled_cross_entropy(seen.logits[:2], drawn["labelled"].mask)
    assert found["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    errors, sure = [], 0
    for n, y, x in np.ndindex(3, *weak.image.shape[2:]):
        if weak.inside[n, 0, y, x]:
            q = softmax(logits[n, :, y, x].tolist())
            p = softmax(seen.logits[2 + n, :, y, x].tolist())
            errors.append(sum((a - b) ** 2 for a, b in zip(p, q, strict=True)))
            sure += max(q) >= threshold
    expected = sure / len(errors) * sum(errors) / len(errors)
    assert found["consistency"].item() == pytest.approx(expected, rel=1e-4, abs=1e-9)


def error(one, image, weak, probabilities) -> float:
    """The squared error of the teacher on images, over the pixels inside them."""
    logits = one.teacher(image, weak.inside)["segmentation"]
    return float(((logits.softmax(1) - probabilities).square().sum(1) * weak.inside[:, 0]).sum())


def test_the_noise_has_its_length_and_changes_the_teacher_more_than_random_noise():
    one = objective("vat", colours=None, radius=0.5)
    drawn, seen = batches(), Seen(one)
    weak = drawn["unlabelled"]
    probabilities = taught_logits(one, weak).float().softmax(1)
    one.losses(drawn, 0)
    noise = seen.image[2:] - weak.image
    for n in range(3):
        assert noise[n].norm().item() == pytest.approx(
            0.5 * contrast(weak.image)[n].item(), rel=1e-3
        )
    adversarial = error(one, weak.image + noise, weak, probabilities)
    for _ in range(5):
        other = unit(torch.randn_like(noise)) * noise.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        assert adversarial > 2 * error(one, weak.image + other, weak, probabilities)


def test_contrast_is_half_the_norm_of_the_differences_of_neighbours():
    images = torch.rand(2, 3, 5, 4)
    for n, found in enumerate(contrast(images).flatten().tolist()):
        total = 0.0
        for c, y, x in np.ndindex(3, 5, 4):
            one = images[n, c]
            total += float(one[min(y + 1, 4), x] - one[max(y - 1, 0), x]) ** 2
            total += float(one[y, min(x + 1, 3)] - one[y, max(x - 1, 0)]) ** 2
        assert found == pytest.approx(0.5 * total**0.5, rel=1e-5)


def test_no_gradient_of_the_noise_reaches_the_student():
    one = objective("vat", teacher_decay=None, result="student")
    one.losses(batches(), 0)
    assert all(parameter.grad is None for parameter in one.network.parameters())
