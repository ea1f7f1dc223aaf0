"""Losses, against formulas written out."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from fewmask.objectives.assessment import PooledMean
from fewmask.objectives.hard_pixels import HardPixels
from fewmask.objectives.losses import cross_entropy, dice, hard_cross_entropy


def example(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (2, 4, 5, 6) and a mask with some ignored pixels."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.randint(0, 4, (2, 5, 6), generator=generator)
    mask[torch.rand(mask.shape, generator=generator) < 0.3] = 255
    return torch.randn(2, 4, 5, 6, generator=generator), mask


@given(st.integers(0, 10_000))
def test_cross_entropy_is_its_formula(seed: int):
    logits, mask = example(seed)
    total, pixels = 0.0, 0
    for n, y, x in np.ndindex(2, 5, 6):
        if mask[n, y, x] != 255:
            scores = logits[n, :, y, x].double()
            total -= float(scores[mask[n, y, x]] - scores.exp().sum().log())
            pixels += 1
    assert float(cross_entropy(logits, mask)) == pytest.approx(total / pixels, rel=1e-5)


@given(st.integers(0, 10_000), st.floats(0.05, 1), st.floats(0.01, 1))
def test_hard_pixels_are_those_below_the_threshold_and_the_hardest(
    seed: int, threshold: float, least: float
):
    logits, mask = example(seed)
    shares, errors = logits.double().softmax(1), []
    for n, y, x in np.ndindex(2, 5, 6):
        if mask[n, y, x] != 255:
            errors.append(-math.log(shares[n, mask[n, y, x], y, x]))
    errors.sort(reverse=True)
    assume(all(abs(math.exp(-one) - threshold) > 1e-6 for one in errors))
    count = max(int(np.float32(least) * len(errors)), 1)
    count = max(count, sum(math.exp(-one) < threshold for one in errors))
    hard = HardPixels(threshold=threshold, least=least)
    expected = sum(errors[:count]) / count
    assert float(hard_cross_entropy(logits, mask, hard)) == pytest.approx(expected, rel=1e-5)


def test_without_labelled_pixels_there_are_no_hard_ones():
    logits, mask = torch.randn(1, 3, 2, 2, requires_grad=True), torch.full((1, 2, 2), 255)
    loss = hard_cross_entropy(logits, mask, HardPixels())
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.eq(0).all()


@given(st.integers(0, 10_000))
def test_dice_is_its_formula(seed: int):
    logits, mask = example(seed)
    counted = mask != 255
    shares = logits.double().softmax(1)
    losses = []
    for k in range(4):
        truth, share = (mask[counted] == k).double(), shares[:, k][counted]
        if truth.sum():
            losses.append(1 - 2 * (truth * share).sum() / (truth.sum() + share.sum()))
        else:
            losses.append(torch.tensor(0.0))
    expected = float(torch.stack([loss.double() for loss in losses]).mean())
    assert float(dice(logits, mask)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss", [cross_entropy, dice])
def test_ignored_pixels_have_no_influence(loss):
    logits, mask = example(1)
    changed = torch.where((mask == 255)[:, None], torch.randn_like(logits) * 9, logits)
    assert float(loss(logits, mask)) == pytest.approx(float(loss(changed, mask)), rel=1e-6)


def test_without_a_labelled_pixel_the_loss_is_zero_and_so_is_its_gradient():
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = cross_entropy(logits, torch.full((1, 4, 4), 255))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_a_pooled_mean_is_that_of_all_values_and_of_nothing_it_is_nan():
    mean = PooledMean()
    assert math.isnan(mean.value)
    for part in torch.arange(10.0).split(3):  # the last holds a single one
        mean.add(part.sum(), torch.tensor(len(part)))
    assert mean.value == 4.5
