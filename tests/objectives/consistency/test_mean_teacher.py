"""Mean teachers and their perturbations, recomputed pixel by pixel from their formulas."""

import numpy as np
import pytest
import torch

from fewmask.data.augmentation.strong import GREY
from tests.objectives.consistency.making import (
    STILL,
    Seen,
    batches,
    labelled_cross_entropy,
    objective,
    softmax,
    source,
)


def consistency(student: list[list[float]], teacher: list[list[float]], threshold: float) -> float:
    """The mean of the squared errors, times the share of sure pixels; from the probabilities, and
    the confidences, of valid pixels."""
    errors = [
        sum((p - q) ** 2 for p, q in zip(*pair, strict=True))
        for pair in zip(student, teacher, strict=True)
    ]
    sure = [max(q) >= threshold for q in teacher]
    return sum(sure) / len(sure) * sum(errors) / len(errors)


@pytest.mark.parametrize("perturbation", [None, "cutmix", "cutout"])
@pytest.mark.parametrize("threshold", [0, 0.5, 1])
def test_the_losses_are_their_formulas(perturbation: str | None, threshold: float):
    chosen = perturbation and {"name": perturbation, "area": [0.4, 0.6]}
    one = objective(
        "mean_teacher", colours=STILL, perturbation=chosen, confidence={"threshold": threshold}
    )
    drawn, seen = batches(), Seen(one)
    weak = drawn["unlabelled"]
    found = one.losses(drawn, 0)
    logits = one.teacher(weak.image, weak.inside)["segmentation"].double()
    student, teacher, pasted = [], [], 0
    for n, y, x in np.ndindex(3, *weak.image.shape[2:]):
        pixel = seen.image[2 + n, :, y, x]
        if perturbation == "cutout" and torch.equal(pixel, torch.full((3,), GREY)):
            pasted += 1
            continue
        i = source(seen.image[2:], weak.image, n, y, x)
        pasted += i != n
        if weak.inside[i, 0, y, x]:
            student.append(softmax(seen.logits[2 + n, :, y, x].tolist()))
            teacher.append(softmax(logits[i, :, y, x].tolist()))
    expected = labelled_cross_entropy(seen.logits[:2], drawn["labelled"].mask)
    assert found["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    expected = consistency(student, teacher, threshold)
    assert found["consistency"].item() == pytest.approx(expected, rel=1e-5)
    assert (pasted > 0) == (perturbation is not None)


def test_ict_blends_images_and_targets_by_one_weight():
    one = objective("mean_teacher", colours=None, perturbation={"name": "ict", "alpha": 1.0},
                    confidence={"threshold": 0.5})  # fmt: skip
    drawn, seen = batches(), Seen(one)
    weak = drawn["unlabelled"]
    found = one.losses(drawn, 0)
    logits = one.teacher(weak.image, weak.inside)["segmentation"].double()
    student, teacher, sure = [], [], 0
    for n in range(3):
        own, other, mixed = weak.image[n], weak.image[n - 1], seen.image[2 + n]
        share = float(((mixed - own) / (other - own)).median())
        torch.testing.assert_close(mixed, own + share * (other - own), atol=1e-5, rtol=0)
        for y, x in np.ndindex(*own.shape[1:]):
            is_inside = bool(weak.inside[n, 0, y, x] and weak.inside[n - 1, 0, y, x])
            assert is_inside == bool(seen.inside[2 + n, 0, y, x])
            if is_inside:
                pair = [softmax(logits[i, :, y, x].tolist()) for i in (n, n - 1)]
                student.append(softmax(seen.logits[2 + n, :, y, x].tolist()))
                teacher.append([(1 - share) * a + share * b for a, b in zip(*pair, strict=True)])
                sure += (1 - share) * max(pair[0]) + share * max(pair[1]) >= 0.5
    errors = consistency(student, teacher, 0)
    assert found["consistency"].item() == pytest.approx(errors * sure / len(student), rel=1e-3)
