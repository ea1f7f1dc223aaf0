"""U2PL, recomputed pixel by pixel from its formulas, and its memory."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.data.batches import joined
from fewmask.objectives.u2pl import contrast
from fewmask.objectives.u2pl.memory import Memory, draw_members
from fewmask.objectives.u2pl.objective import quantile
from fewmask.objectives.u2pl.settings import Contrast
from tests.objectives.consistency.making import (
    CLASSES,
    SIZE,
    Seen,
    batches,
    labelled_cross_entropy,
    objective,
    softmax,
    source,
    taught_logits,
)

SMALL = {"channels": 6, "memory": 40, "anchors": 5, "negatives": 4, "low_rank": 2, "high_rank": 3,
         "certainty": 0.2}  # fmt: skip
FEW = range(2, SIZE, 4)
"""The pixels whose vectors are compared, one in the middle of each block of four by four."""


def taught(one, image: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and vectors of the teacher, or of the student in evaluation mode."""
    network, head = one.network, one.head
    if one.teacher is not None:
        network, head = one.teacher.network, one.teacher_head.network
    modes = network.training, head.training
    with torch.no_grad():
        features = network.eval().decoder(network.features(image, inside))
        logits = network.segmentation_head(features)
        blocks = features.unflatten(3, (SIZE // 4, 4)).unflatten(2, (SIZE // 4, 4))
        vectors = head.eval()(blocks.mean((3, 5)))
    network.train(modes[0])
    head.train(modes[1])
    return logits.double(), vectors.double()


def entropy(p: list[float]) -> float:
    return -sum(one * math.log(one) for one in p if one > 0)


def cosine(a: list[float], b: list[float]) -> float:
    norms = [math.sqrt(sum(one * one for one in vector)) for vector in (a, b)]
    return sum(x * y for x, y in zip(a, b, strict=True)) / norms[0] / norms[1]


@pytest.mark.parametrize("teacher", [{}, {"teacher_decay": None, "result": "student"}])
@pytest.mark.parametrize("anchors", ["reliable", "most_reliable"])
@pytest.mark.parametrize("step", [0, 5])
def test_the_losses_are_their_formulas(
    teacher: dict, anchors: str, step: int, monkeypatch: pytest.MonkeyPatch
):
    drawn_anchors, drawn_negatives = [], []

    def noticed_anchors(members: Tensor, number: int) -> Tensor:
        drawn_anchors.append(draw_members(members, number))
        return drawn_anchors[-1]

    def noticed_negatives(memory: Memory, *shape: int) -> Tensor:
        drawn_negatives.append(draw(memory, *shape))
        return drawn_negatives[-1]

    draw = Memory.draw
    monkeypatch.setattr(contrast, "draw_members", noticed_anchors)
    monkeypatch.setattr(Memory, "draw", noticed_negatives)
    one = objective(
        "u2pl", contrast=SMALL | {"unlabelled_anchors": anchors}, unreliable=0.4, **teacher
    )
    one.steps = 10
    drawn, seen = batches(), Seen(one)
    labelled, weak = drawn["labelled"], drawn["unlabelled"]
    of_weak = taught_logits(one, weak)
    found = {name: loss.item() for name, loss in one.losses(drawn, step).items()}
    assert found["cross_entropy"] == pytest.approx(
        labelled_cross_entropy(seen.logits[:2], labelled.mask), rel=1e-5
    )
    logits, vectors = taught(one, seen.image, seen.inside)
    student = torch.cat([of_batch[1] for of_batch in seen.found])
    share = 0.4 * (1 - step / 10)

    view = seen.image[2:]
    entropies, classes = {}, {}
    for n, y, x in np.ndindex(3, SIZE, SIZE):
        i = source(view, weak.image, n, y, x)
        if weak.inside[i, 0, y, x]:
            entropies[n, y, x] = entropy(softmax(logits[2 + n, :, y, x].tolist()))
            classes[n, y, x] = int(of_weak[i, :, y, x].argmax())
    ordered = sorted(entropies.values())
    gamma, lowest = (ordered[math.floor(part * (len(ordered) - 1))] for part in (1 - share, share))
    errors = [
        -math.log(softmax(seen.logits[2 + n, :, y, x].tolist())[classes[n, y, x]])
        for (n, y, x), value in entropies.items()
        if value <= gamma
    ]
    expected = sum(errors) / len(errors) * len(entropies) / len(errors)
    assert found["consistency"] == pytest.approx(expected, rel=1e-4)

    members: dict[int, list[int]] = {k: [] for k in range(CLASSES)}
    candidates: dict[int, list[int]] = {k: [] for k in range(CLASSES)}
    negatives: dict[int, list[list[float]]] = {k: [] for k in range(CLASSES)}
    of_pixel = [(n, j, i) for n in range(5) for j in range(4) for i in range(4)]
    anchor_limit = gamma if anchors == "reliable" else lowest
    for index, (n, j, i) in enumerate(of_pixel):
        y, x = FEW[j], FEW[i]
        p = softmax(logits[n, :, y, x].tolist())
        likeliest = sorted(range(CLASSES), key=lambda k: -p[k])
        vector = vectors[n, :, j, i].tolist()
        own = None
        if n < 2 and labelled.mask[n, y, x] != IGNORE:
            own = int(labelled.mask[n, y, x])
            far = [k for k in likeliest[:2] if k != own]
        elif n >= 2 and (n - 2, y, x) in entropies:
            value = entropies[n - 2, y, x]
            far = likeliest[2:3] if value > gamma else []
            own = classes[n - 2, y, x] if value <= anchor_limit else None
        else:
            continue
        for k in far:
            negatives[k].append(vector)
        if own is not None:
            members[own].append(index)
            if p[own] > 0.2:
                candidates[own].append(index)
    present = [k for k in members if members[k]]
    total, compared = 0.0, 0
    for k in present:
        if not candidates[k] or not negatives[k]:
            continue
        own = torch.stack(
            [vectors[n, :, j, i] for n, j, i in map(of_pixel.__getitem__, members[k])]
        )
        positive = own.mean(0).tolist()
        for a, index in enumerate(drawn_anchors[0][k].tolist()):
            assert index in candidates[k]
            n, j, i = of_pixel[index]
            anchor = student[n, :, j, i].tolist()
            others = drawn_negatives[0][k, a].tolist()
            for other in others:
                assert max(cosine(other, known) for known in negatives[k][-40:]) > 1 - 1e-5
            scores = [cosine(anchor, one) / 0.5 for one in (positive, *others)]
            total -= math.log(softmax(scores)[0]) / SMALL["anchors"]
        compared += 1
    assert compared > 1
    assert found["contrastive"] == pytest.approx(total / len(present), rel=1e-4)


def test_the_memory_holds_the_latest_of_every_class():
    memory = Memory(2, 3, 1)
    memory.add(torch.arange(4.0)[:, None], torch.tensor([[1, 1, 0, 0], [0, 0, 0, 1]]).bool())
    assert memory.held.tolist() == [2, 1]
    memory.add(torch.arange(4.0, 6)[:, None], torch.tensor([[1, 1], [0, 0]]).bool())
    assert sorted(memory.vectors[0, :, 0].tolist()) == [1, 4, 5], "0, the oldest, was replaced"
    assert memory.vectors[1, :, 0].tolist() == [3, 0, 0]
    memory.add(torch.arange(10.0, 17)[:, None], torch.ones(2, 7).bool())
    for k in range(2):
        assert sorted(memory.vectors[k, :, 0].tolist()) == [14, 15, 16], "the last of many"
    memory.add(torch.arange(20.0, 21)[:, None], torch.tensor([[True], [False]]))
    assert sorted(memory.vectors[0, :, 0].tolist()) == [15, 16, 20]


def test_draws_are_of_what_there_is_and_all_of_it():
    memory = Memory(3, 4, 1)
    memory.add(
        torch.arange(1.0, 4)[:, None], torch.tensor([[1, 1, 1], [0, 1, 0], [0, 0, 0]]).bool()
    )
    found = memory.draw(5, 50)[..., 0]
    assert found.shape == (3, 5, 50)
    assert [set(one.unique().tolist()) for one in found] == [{1, 2, 3}, {2}, {0}]
    members = torch.tensor([[0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]).bool()
    found = draw_members(members, 100)
    assert set(found[0].tolist()) == {1, 3, 4}
    assert set(found[2].tolist()) == {4}
    assert ((found >= 0) & (found < 5)).all()
    counts = draw_members(members, 30_000)[0].bincount(minlength=5)[[1, 3, 4]]
    assert (counts - 10_000).abs().max() < 500


def test_a_quantile_is_that_of_valid_values():
    values = torch.tensor([5.0, 1, 4, 2, 3, 100])
    valid = torch.tensor([True] * 5 + [False])
    assert [quantile(values, valid, share).item() for share in (0, 0.5, 0.8, 1)] == [1, 3, 4, 5]
    assert quantile(values, torch.zeros_like(valid), 0.5).isinf()


def test_where_all_pixels_are_equally_sure_all_are_learnt():
    one = objective("u2pl", contrast=SMALL)
    with torch.no_grad():
        for parameter in one.teacher.network.segmentation_head.parameters():
            parameter.zero_()
    drawn, seen = batches(), Seen(one)
    loss = one.losses(drawn, 0)["consistency"].item()
    weak = drawn["unlabelled"]
    errors = [
        -math.log(softmax(seen.logits[2 + n, :, y, x].tolist())[0])
        for n, y, x in np.ndindex(3, SIZE, SIZE)
        if weak.inside[source(seen.image[2:], weak.image, n, y, x), 0, y, x]
    ]
    assert loss == pytest.approx(sum(errors) / len(errors), rel=1e-5)


def test_the_teacher_of_the_vectors_follows_and_has_no_gradient():
    one = objective("u2pl", contrast=SMALL)
    sum(one.losses(batches(), 0).values()).backward()
    assert all(p.grad is None for p in one.teacher_head.parameters())
    assert all(p.grad is not None for p in one.head.parameters())
    with torch.no_grad():
        for parameter in one.head.parameters():
            parameter.add_(1)
    one.after_update()
    one.after_update()
    for mine, other in zip(
        one.teacher_head.network.parameters(), one.head.parameters(), strict=True
    ):
        torch.testing.assert_close(mine, other, msg="the first updates are a plain mean")


def test_images_all_pass_once_for_labels_and_once_for_entropies():
    one = objective("u2pl", contrast=SMALL, mixing=None)
    drawn, seen = batches(), Seen(one)
    one.losses(drawn, 0)
    assert torch.equal(seen.image, joined(list(drawn.values()), "image")), "nothing is pasted"


@pytest.mark.parametrize(("classes", "expected"), [(2, []), (3, [2]), (4, [3]), (5, [3, 4])])
def test_unreliable_pixels_are_negatives_of_unlikely_classes_where_there_are_three(
    classes: int, expected: list[int]
):
    """The second pixel is unreliable, and its classes are the less likely the larger they are."""
    descending = torch.arange(classes, 0, -1.0)
    pixels = contrast.Pixels(
        classes=torch.tensor([0, 0]),
        probabilities=(descending / descending.sum()).expand(2, -1),
        is_labelled=torch.tensor([True, False]),
        is_member=torch.tensor([True, False]),
        is_unreliable=torch.tensor([False, True]),
    )
    negatives = pixels.not_of_class(Contrast())
    assert negatives[:, 1].nonzero().flatten().tolist() == expected
    assert negatives[:, 0].nonzero().flatten().tolist() == list(range(1, min(classes, 3)))
