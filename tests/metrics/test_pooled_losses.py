"""Losses on test images, against formulas written out and other implementations."""

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from fewmask.metrics.pooled_losses import PooledLosses
from fewmask.objectives.losses import cross_entropy, dice


def example(seed: int, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (5, K, 6, 7) and a mask with some ignored pixels."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.randint(0, classes, (5, 6, 7), generator=generator)
    mask[torch.rand(mask.shape, generator=generator) < 0.3] = 255
    return 3 * torch.randn(5, classes, 6, 7, generator=generator), mask


def pooled(*batches: tuple[torch.Tensor, torch.Tensor]) -> PooledLosses:
    losses = PooledLosses()
    for logits, mask in batches:
        losses.add(logits, mask)
    return losses


@given(st.integers(0, 10_000), st.integers(2, 5))
def test_with_all_classes_they_are_those_of_other_implementations(seed: int, classes: int):
    logits, mask = example(seed, classes)
    found = pooled((logits, mask)).scores()
    assert found["cross_entropy"] == pytest.approx(float(cross_entropy(logits, mask)), rel=1e-5)
    assert found["dice_loss"] == pytest.approx(float(dice(logits, mask)), rel=1e-4)
    log_shares = logits.double().log_softmax(1)
    focal = [
        -((1 - log_shares[n, mask[n, y, x], y, x].exp()) ** 2) * log_shares[n, mask[n, y, x], y, x]
        for n, y, x in np.ndindex(*mask.shape)
        if mask[n, y, x] != 255
    ]
    assert found["focal_loss"] == pytest.approx(float(torch.stack(focal).mean()), rel=1e-4)


@given(st.integers(0, 10_000))
def test_with_two_classes_they_are_the_binary_losses(seed: int):
    logits, mask = example(seed, classes=2)
    known = mask != 255
    score = (logits[:, 1] - logits[:, 0])[known]
    truth = mask[known].float()
    found = pooled((logits, mask)).scores()
    binary = functional.binary_cross_entropy_with_logits(score, truth)
    assert found["cross_entropy"] == pytest.approx(float(binary), rel=1e-5)
    focal = sigmoid_focal_loss(score, truth, alpha=-1, gamma=2, reduction="mean")
    assert found["focal_loss"] == pytest.approx(float(focal), rel=1e-4)
    # The Dice loss of the class in front is that of binary segmentation.
    of_front = smp.losses.DiceLoss("binary", from_logits=True)(score[None, None], truth[None, None])
    of_classes = pooled((logits, mask)).class_scores()
    assert of_classes[1] == pytest.approx(float(of_front), rel=1e-4)


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_batches_give_what_the_whole_gives(seed: int, cut: int):
    logits, mask = example(seed)
    parts = pooled((logits[:cut], mask[:cut]), (logits[cut:], mask[cut:]))
    whole = pooled((logits, mask))
    assert parts.scores() == pytest.approx(whole.scores(), rel=1e-9)
    np.testing.assert_allclose(parts.class_scores(), whole.class_scores(), rtol=1e-9)


def test_by_hand():
    # Two pixels, true classes 0 and 1 (a third pixel counts nowhere); class 2 is in no truth.
    shares = torch.tensor([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    logits = shares.log().T[None, :, None, :]
    losses = pooled((logits, torch.tensor([[[0, 1, 255]]])))
    log2 = np.log(2)
    # p of the true class: 1/2 and 1/4. Dice: 2 x 1/2 / (1 + 1) and 2 x 1/4 / (1/2 + 1).
    assert losses.scores() == pytest.approx(
        {
            "cross_entropy": (log2 + 2 * log2) / 2,
            "focal_loss": (log2 / 4 + 9 / 16 * 2 * log2) / 2,
            "dice_loss": (1 / 2 + 2 / 3) / 2,
        }
    )
    assert losses.class_scores() == pytest.approx([1 / 2, 2 / 3, np.nan], nan_ok=True)


def test_what_is_said_of_ignored_pixels_has_no_influence():
    logits, mask = example(1)
    changed = torch.where((mask == 255)[:, None], torch.full_like(logits, 50.0), logits)
    assert pooled((changed, mask)).scores() == pooled((logits, mask)).scores()


@pytest.mark.filterwarnings("error")
def test_without_a_labelled_pixel_there_is_nothing_to_measure():
    losses = pooled((torch.randn(1, 3, 4, 4), torch.full((1, 4, 4), 255)))
    assert np.isnan(list(losses.scores().values())).all()
    assert np.isnan(losses.class_scores()).all()


def test_certain_scores_are_finite():
    logits = torch.tensor([[[[200.0]], [[-200.0]]]])
    right, wrong = (pooled((logits, torch.tensor([[[k]]]))).scores() for k in (0, 1))
    assert right == {"cross_entropy": 0, "focal_loss": 0, "dice_loss": 0}
    assert wrong == {"cross_entropy": 400, "focal_loss": 400, "dice_loss": 1}
