"""FixMatch, recomputed pixel by pixel from its formulas."""

import pytest
from pydantic import ValidationError

from tests.conftest import small_stage
from tests.objectives.consistency.making import (
    STILL,
    Seen,
    batches,
    labelled_cross_entropy,
    objective,
    recomputed,
    taught_logits,
)


@pytest.mark.parametrize("teacher", [{}, {"teacher_decay": None, "result": "student"}])
@pytest.mark.parametrize("rule", ["pixel", "batch"])
@pytest.mark.parametrize("denominator", ["all", "valid", "kept"])
@pytest.mark.parametrize("threshold", [0, 0.5, 1])
def test_the_losses_are_their_formulas(
    teacher: dict, rule: str, denominator: str, threshold: float
):
    confidence = {"rule": rule, "denominator": denominator, "threshold": threshold}
    one = objective("fixmatch", colours=STILL, confidence=confidence, **teacher)
    drawn, seen = batches(), Seen(one)
    logits = taught_logits(one, drawn["unlabelled"])
    found = one.losses(drawn, 0)
    expected = labelled_cross_entropy(seen.logits[:2], drawn["labelled"].mask)
    assert found["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    expected = recomputed(logits, drawn["unlabelled"], seen, 2, one.options.confidence)
    assert found["consistency"].item() == pytest.approx(expected, rel=1e-5)
    assert (expected == 0) == (threshold == 1)
    pasted = (seen.image[2:] != drawn["unlabelled"].image).any(1)
    assert pasted.any(), "some pixels are another image's"


def test_the_student_that_labels_images_is_in_training_mode_afterwards():
    one = objective("fixmatch", teacher_decay=None, result="student")
    assert one.teacher is None
    assert one.result is one.network
    one.losses(batches(), 0)
    assert all(module.training for module in one.network.modules())


def test_a_result_without_a_teacher_is_refused():
    with pytest.raises(ValidationError, match="mend: result: student"):
        small_stage(
            objective={"name": "fixmatch", "teacher_decay": None},
            batch={"labelled": 2, "unlabelled": 2},
        )


def test_an_image_is_not_mixed_with_itself():
    drawn = {"labelled": 1, "unlabelled": 1}
    with pytest.raises(ValidationError, match=r"batch\.unlabelled must be at least 2: fixmatch"):
        small_stage(objective={"name": "fixmatch"}, batch=drawn)
    small_stage(objective={"name": "fixmatch", "mixing": None}, batch=drawn)
