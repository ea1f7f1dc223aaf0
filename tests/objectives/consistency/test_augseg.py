"""AugSeg, recomputed pixel by pixel from its formulas."""

import math

import numpy as np
import pytest
import torch

from fewmask import IGNORE
from fewmask.objectives.augseg.objective import sureness
from fewmask.objectives.consistency.target import SoftTarget
from tests.objectives.consistency.making import (
    Seen,
    batches,
    labelled_cross_entropy,
    objective,
    softmax,
    taught_logits,
)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intensities as they are, so that a pixel of a view is one of the images."""
    monkeypatch.setattr(
        "fewmask.objectives.augseg.objective.random_intensities", lambda images, *_: images
    )


@pytest.mark.parametrize("denominator", ["all", "valid", "kept"])
@pytest.mark.parametrize("threshold", [0, 0.5, 1])
@pytest.mark.parametrize("statistics", [False, True])
def test_the_losses_are_their_formulas(denominator: str, threshold: float, statistics: bool):
    one = objective(
        "augseg",
        confidence={"threshold": threshold, "denominator": denominator},
        labelled_boxes=[4, 6],
        batch_norms_see_weak_views=statistics,
    )
    drawn, seen = batches(), Seen(one)
    labelled, weak = drawn["labelled"], drawn["unlabelled"]
    logits = taught_logits(one, weak)
    found = one.losses(drawn, 0)
    assert len(seen.image) == (8 if statistics else 5)
    expected = labelled_cross_entropy(seen.logits[:2], labelled.mask)
    assert found["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)

    total, pixels, valid, kept, injected = 0.0, 0, 0, 0, 0
    for n, y, x in np.ndindex(3, *weak.image.shape[2:]):
        pixels += 1
        pixel = seen.image[2 + n, :, y, x]
        partner = (n - 1) % 3
        if torch.equal(pixel, labelled.image[partner % 2, :, y, x]):
            injected += 1
            known = int(labelled.mask[partner % 2, y, x])
            is_valid, confidence = known != IGNORE, 1.0
        else:
            i = n if torch.equal(pixel, weak.image[n, :, y, x]) else partner
            assert torch.equal(pixel, weak.image[i, :, y, x])
            p = softmax(logits[i, :, y, x].tolist())
            confidence, known = max(p), p.index(max(p))
            is_valid = bool(weak.inside[i, 0, y, x])
        valid += is_valid
        if is_valid and confidence >= threshold:
            kept += 1
            total -= math.log(softmax(seen.logits[2 + n, :, y, x].tolist())[known])
    count = {"all": pixels, "valid": valid, "kept": max(1, kept)}[denominator]
    assert found["consistency"].item() == pytest.approx(total / count, rel=1e-5)
    assert injected, "the teacher of random weights is not sure"


def test_sureness_is_the_mean_over_the_pixels_of_an_image():
    logits = 3 * torch.randn(2, 4, 5, 6)
    inside = torch.ones(2, 1, 5, 6)
    inside[0, :, 3:] = 0
    found = sureness(SoftTarget.of(logits, inside))
    for n in range(2):
        values = []
        for y, x in np.ndindex(5, 6):
            if inside[n, 0, y, x]:
                p = softmax(logits[n, :, y, x].tolist())
                entropy = -sum(one * math.log(one) for one in p)
                values.append((1 - entropy / math.log(4)) * max(p))
        assert found[n].item() == pytest.approx(sum(values) / len(values), rel=1e-4)


def test_sure_images_get_no_labelled_box():
    one = objective("augseg", labelled_boxes=[1, 1])
    with torch.no_grad():
        for parameter in one.teacher.network.segmentation_head.parameters():
            parameter.zero_()
        list(one.teacher.network.segmentation_head.parameters())[-1][0] = 100.0
    drawn, seen = batches(), Seen(one)
    one.losses(drawn, 0)
    own = seen.image[2:] == drawn["unlabelled"].image
    partners = seen.image[2:] == drawn["unlabelled"].image.roll(1, 0)
    assert (own | partners).all()


def test_sureness_of_padding_alone_is_0_and_of_one_class_is_known():
    assert sureness(SoftTarget.of(torch.zeros(1, 3, 2, 2), torch.zeros(1, 1, 2, 2))) == 0
    assert sureness(SoftTarget.of(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2))) == 1
