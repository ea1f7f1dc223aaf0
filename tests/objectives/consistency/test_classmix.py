"""ClassMix, recomputed pixel by pixel from its formulas."""

import pytest
import torch

from tests.objectives.consistency.making import (
    STILL,
    Seen,
    batches,
    labelled_cross_entropy,
    objective,
    recomputed,
    source,
    taught_logits,
)


@pytest.mark.parametrize("threshold", [0, 0.5, 1])
def test_the_losses_are_their_formulas(threshold: float):
    one = objective("classmix", colours=STILL, confidence={"threshold": threshold})
    drawn, seen = batches(), Seen(one)
    logits = taught_logits(one, drawn["unlabelled"])
    found = one.losses(drawn, 0)
    expected = labelled_cross_entropy(seen.logits[:2], drawn["labelled"].mask)
    assert found["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    expected = recomputed(logits, drawn["unlabelled"], seen, 2, one.options.confidence)
    assert found["consistency"].item() == pytest.approx(expected, rel=1e-5)


def test_half_of_the_classes_that_the_teacher_finds_inside_an_image_stay():
    one = objective("classmix", colours=STILL)
    drawn, seen = batches(), Seen(one)
    weak = drawn["unlabelled"]
    classes = taught_logits(one, weak).argmax(1)
    one.losses(drawn, 0)
    for n in range(3):
        kept: dict[int, set[bool]] = {}
        for y, x in torch.ones(classes.shape[1:]).nonzero().tolist():
            own = source(seen.image[2:], weak.image, n, y, x) == n
            if weak.inside[n, 0, y, x]:
                kept.setdefault(int(classes[n, y, x]), set()).add(own)
            else:
                assert not own, "padding is replaced"
        assert all(len(one) == 1 for one in kept.values()), "a class stays as a whole or not at all"
        assert sum(True in one for one in kept.values()) == len(kept) // 2


def test_images_of_a_single_class_become_their_partners():
    one = objective("classmix", classes=1, colours=STILL)
    drawn, seen = batches(), Seen(one)
    drawn["labelled"].mask.clamp_(max=0)
    assert [loss.item() for loss in one.losses(drawn, 0).values()] == [0, 0]
    assert torch.equal(seen.image[2:], drawn["unlabelled"].image.roll(1, 0))
