"""What all objectives of consistency have in common, on batches in which something is missing."""

import pytest
import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.objectives.objective import Objective
from tests.objectives.consistency.making import (
    Batches,
    Seen,
    batches,
    labelled_cross_entropy,
    objective,
    threshold,
)
from tests.objectives.known import CONFIDENT, CONSISTENCY

every = pytest.mark.parametrize("name", CONSISTENCY)


def learnt(one: Objective, drawn: Batches) -> dict[str, float]:
    """The losses of a step, whose gradients are finite; if they are all 0, so are these."""
    losses = one.losses(drawn, 0)
    sum(losses.values()).backward()
    found = {key: loss.item() for key, loss in losses.items()}
    for parameter in one.parameters():
        if parameter.grad is not None:
            assert parameter.grad.isfinite().all()
            assert any(found.values()) or not parameter.grad.any()
    return found


@every
@pytest.mark.parametrize("unlabelled", [1, 2])
def test_labelled_images_may_lack_masks(name: str, unlabelled: int):
    one, drawn = objective(name), batches()
    drawn["labelled"].mask[:unlabelled] = IGNORE
    seen = Seen(one)
    found = learnt(one, drawn)
    expected = labelled_cross_entropy(seen.logits[:2], drawn["labelled"].mask)
    assert found["cross_entropy"] == pytest.approx(expected, rel=1e-5)
    if unlabelled == 2:
        assert all(found[key] == 0 for key in one.supervised_losses)


@pytest.mark.parametrize("name", CONFIDENT)
def test_without_a_sure_pixel_and_without_any_mask_nothing_is_learnt(name: str):
    one, drawn = objective(name, **threshold(name, 1)), batches()
    drawn["labelled"].mask.fill_(IGNORE)
    assert not any(learnt(one, drawn).values())


@every
def test_padding_alone_teaches_nothing(name: str):
    one, drawn = objective(name, **threshold(name, 0)), batches()
    drawn["labelled"].mask.fill_(IGNORE)
    drawn["unlabelled"].inside.zero_()
    assert not any(learnt(one, drawn).values())


@every
def test_of_a_single_class_there_is_nothing_to_learn(name: str):
    one, drawn = objective(name, classes=1), batches()
    drawn["labelled"].mask.clamp_(max=0)
    assert not any(learnt(one, drawn).values())


@every
def test_no_gradient_reaches_the_teacher(name: str):
    one = objective(name, teacher_decay=0.99, result="teacher", **threshold(name, 0))
    before = tensors(one.teacher)
    learnt(one, batches())
    assert all(p.grad is None and not p.requires_grad for p in one.teacher.parameters())
    after = tensors(one.teacher)
    assert all(torch.equal(tensor, after[key]) for key, tensor in before.items())


def tensors(module: torch.nn.Module) -> dict[str, Tensor]:
    return {n: one.clone() for n, one in module.state_dict().items() if isinstance(one, Tensor)}
