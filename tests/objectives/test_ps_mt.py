"""PS-MT, recomputed pixel by pixel from its formulas."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.objectives.features.maps import replaced
from fewmask.objectives.ps_mt.objective import PSMT
from tests.objectives.consistency.making import (
    CLASSES,
    STILL,
    batches,
    labelled_cross_entropy,
    objective,
    softmax,
    source,
)
from tests.objectives.passes import Passes


def ps_mt(**changes: object) -> PSMT:
    """Its teachers differ, and are sure of some pixels."""
    one = objective("ps_mt", colours=STILL, **changes)
    with torch.no_grad():
        for teacher in one.teachers:
            teacher.segmentation_head[0].weight.normal_(std=0.5)
    return one


def test_first_all_three_learn_masks_and_nobody_follows():
    one, drawn = ps_mt(), batches()
    heads = [Passes(each.segmentation_head) for each in one.networks]
    losses = one.losses(drawn, 0)
    expected = sum(
        labelled_cross_entropy(head.returned[0].double(), drawn["labelled"].mask) for head in heads
    )
    assert losses["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    assert losses["consistency"].item() == 0
    sum(losses.values()).backward()
    assert all(next(each.parameters()).grad.any() for each in one.networks)
    before = [each.clone() for each in one.teachers.parameters()]
    one.after_update()
    assert all(map(torch.equal, before, one.teachers.parameters()))


def ensemble(core: list[float], other: list[float], most: int) -> list[float]:
    likeliest = sorted(range(len(other)), key=lambda k: -other[k])[:most]
    return [(c + (other[k] if k in likeliest else c)) / 2 for k, c in enumerate(core)]


@pytest.mark.parametrize(("step", "core"), [(0, 0), (1, 1)])
def test_the_losses_are_their_formulas(step: int, core: int):
    most, threshold = 2, 0.45
    one = ps_mt(warm_up=0, ramp_up=0, assisting_classes=most, confidence={"threshold": threshold})
    drawn = batches()
    weak = drawn["unlabelled"]
    head, encoder = Passes(one.network.segmentation_head), Passes(one.network.encoder)
    with torch.no_grad():
        said = [each.eval()(weak.image, weak.inside) for each in one.teachers]
    teachers = [each["segmentation"].double() for each in said]
    one.train()
    losses = one.losses(drawn, step)
    expected = labelled_cross_entropy(head.returned[0].double(), drawn["labelled"].mask)
    assert losses["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    view, plain = encoder.given[1], (weak.image - one.network.mean) / one.network.std
    total, kept, moved = 0.0, 0, 0
    for n, y, x in np.ndindex(3, *view.shape[2:]):
        i = source(view, plain, n, y, x)
        moved += i != n
        if not weak.inside[i, 0, y, x]:
            continue
        of_core, of_other = (teachers[t][i, :, y, x].tolist() for t in (core, 1 - core))
        p = softmax(ensemble(of_core, of_other, most))
        if max(p) >= threshold:
            of_student = softmax(head.returned[1][n, :, y, x].double().tolist())
            total -= max(p) * float(np.log(of_student[p.index(max(p))]))
            kept += 1
    assert moved
    assert 0 < kept < weak.inside.sum()
    assert losses["consistency"].item() == pytest.approx(total / kept, rel=1e-4)


def test_no_gradient_reaches_a_teacher_that_teaches():
    one = ps_mt(warm_up=0, confidence={"threshold": 0})
    losses = one.losses(batches(), 0)
    assert losses["consistency"] > 0
    sum(losses.values()).backward()
    assert all(parameter.grad is None for parameter in one.teachers.parameters())
    assert all(p.grad is not None for p in one.network.segmentation_head.parameters())


def test_teachers_follow_in_turn():
    one = ps_mt(warm_up=0.25, turns=4, teacher_decay=0.75)
    one.steps, followers = 8, []
    kept = [[0.5, 2 / 3, 0.75, 0.75], [0.5, 2 / 3]]
    for _ in range(8):
        before = [each.segmentation_head[0].weight.clone() for each in one.teachers]
        one.after_update()
        of_student = one.network.segmentation_head[0].weight
        follower = None
        for t, weight in enumerate(before):
            now = one.teachers[t].segmentation_head[0].weight
            if not torch.equal(now, weight):
                follower = t
                share = kept[t].pop(0)
                torch.testing.assert_close(now, share * weight + (1 - share) * of_student)
        followers.append(follower)
    assert followers == [None, None, 0, 0, 1, 1, 0, 0]


def divergence(one: PSMT, plain: list[Tensor], noisy: list[Tensor]) -> float:
    """KL between the means of what the decoders of both teachers make of features."""
    with torch.no_grad():
        p, q = (
            (sum(each.eval().scores(given) for each in one.teachers) / 2).softmax(1)
            for given in (plain, noisy)
        )
    return float((p * (p / q).log()).sum())


def test_the_noise_on_features_changes_the_teachers_more_than_random_noise():
    one = ps_mt(warm_up=0)
    encoder, decoder = Passes(one.network.encoder), Passes(one.network.decoder)
    one.losses(batches(), 0)
    plain = [each.detach() for each in encoder.returned[0]]
    noisy = [each.detach() for each in decoder.given[0]]
    noise = [b - a for a, b in zip(plain, noisy, strict=True)]
    assert not noise[0].any(), "the image itself stays"

    def length(maps: list[Tensor]) -> Tensor:
        return torch.stack([each.flatten(1).norm(dim=1) for each in maps]).norm(dim=0)

    torch.testing.assert_close(length(noise), torch.full((2,), 2.0), rtol=1e-3, atol=0)
    adversarial = divergence(one, plain, noisy)
    for _ in range(3):
        other = [torch.randn_like(each) for each in noise[1:]]
        factor = 2 / length(other).view(-1, 1, 1, 1)
        changed = [a + factor * b for a, b in zip(plain[1:], other, strict=True)]
        random = replaced(plain, range(1, len(plain)), changed)
        assert adversarial > 2 * divergence(one, plain, random)


@pytest.mark.parametrize("warm_up", [0, 1])
def test_without_masks_or_inside_nothing_is_learnt(warm_up: float):
    one, drawn = ps_mt(warm_up=warm_up, confidence={"threshold": 0}), batches()
    drawn["labelled"].mask.fill_(IGNORE)
    for batch in drawn.values():
        batch.inside.zero_()
    losses = one.losses(drawn, 0)
    assert [loss.item() for loss in losses.values()] == [0, 0]
    sum(losses.values()).backward()


def test_without_a_sure_pixel_nothing_is_learnt_of_unlabelled_images():
    one = ps_mt(warm_up=0, ramp_up=0, confidence={"threshold": 1})
    assert one.losses(batches(), 0)["consistency"].item() == 0


def test_the_weight_rises_after_the_first_steps():
    one, drawn = ps_mt(warm_up=0.25, ramp_up=0.5, turns=1), batches()
    one.steps, values = 8, []
    for step in range(2, 8, 2):
        torch.manual_seed(5)
        values.append(one.losses(drawn, step)["consistency"].item())
    rising = [np.exp(-5 * missing**2) for missing in (1, 0.5, 0)]
    for (first, second), (a, b) in zip(pairwise(values), pairwise(rising), strict=True):
        assert second / first == pytest.approx(b / a, rel=1e-3)


@pytest.mark.parametrize("result", ["teachers", "student"])
def test_the_result_is_the_mean_of_both_teachers_or_the_student(result: str):
    one, drawn = ps_mt(result=result).eval(), batches()
    given = drawn["unlabelled"].image, drawn["unlabelled"].inside
    with torch.no_grad():
        student, *teachers = (net(*given)["segmentation"].softmax(1) for net in one.networks)
        found = one.result(*given)["segmentation"].softmax(1)
    expected = student if result == "student" else sum(teachers) / 2
    assert found.shape[1] == CLASSES
    assert torch.allclose(found, expected, atol=1e-6)
    assert one.options.result_networks == (2 if result == "teachers" else 1)
