"""CorrMatch, recomputed place by place and pixel by pixel from its formulas."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fewmask.objectives.consistency.target import Target
from fewmask.objectives.corrmatch import objective as corrmatch
from fewmask.objectives.corrmatch.correlation import correlation, propagated, regions
from fewmask.objectives.corrmatch.objective import confidence_of_classes
from tests.objectives.consistency.making import (
    SIZE,
    STILL,
    Seen,
    batches,
    labelled_cross_entropy,
    objective,
    recomputed,
    softmax,
    source,
    taught_logits,
)

PIXELS = list(np.ndindex(SIZE, SIZE))


def resized(maps: Tensor, size: int) -> Tensor:
    return functional.interpolate(maps, (size, size), mode="bilinear", align_corners=False)


def rows_of(query: Tensor, key: Tensor) -> list[list[float]]:
    """The correlations of one image, from (K, h, w)."""
    query, key = query.flatten(1).T.tolist(), key.flatten(1).T.tolist()
    scale = math.sqrt(len(query[0]))
    return [
        softmax([sum(a * b for a, b in zip(q, k, strict=True)) / scale for k in key]) for q in query
    ]


def spread(logits: Tensor, rows: list[list[float]]) -> Tensor:
    """(K, H, W) after every place has given its logits to all others."""
    side = math.isqrt(len(rows))
    coarse = resized(logits[None].double(), side)[0].flatten(1)
    shared = torch.zeros_like(coarse)
    for i, row in enumerate(rows):
        for j, share in enumerate(row):
            shared[:, j] += share * coarse[:, i]
    return resized(shared.unflatten(1, (side, side))[None], SIZE)[0]


def spread_classes(
    classes: Tensor, sure: Tensor, valid: Tensor, rows: list[list[float]], chosen: list[int],
    threshold: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Classes and sure pixels of one image after spreading, each (H, W)."""
    new, new_sure = classes.clone(), sure.clone()
    side = math.isqrt(len(rows))
    for place in chosen:
        row = resized(torch.tensor(rows[place]).view(1, 1, side, side), SIZE)[0, 0]
        middle = (row.min() + row.max()) / 2
        region = [p for p in PIXELS if row[p] > middle and valid[p]]
        of_sure = [int(classes[p]) for p in region if sure[p]]
        if not of_sure or len(of_sure) < threshold * len(region):
            continue
        winner = max(sorted(set(of_sure)), key=of_sure.count)
        if of_sure.count(winner) > threshold * len(of_sure):
            for p in region:
                new[p], new_sure[p] = winner, True
    return new, new_sure


@pytest.mark.parametrize("decay", [None, 0.9])
@pytest.mark.parametrize("threshold", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("teacher", [{}, {"teacher_decay": 0.99, "result": "teacher"}])
def test_the_losses_are_their_formulas(
    threshold: float, decay: float | None, teacher: dict, monkeypatch: pytest.MonkeyPatch
):
    drawn_places = []

    def noticed(correlations: Tensor, chosen: Tensor, *sizes: torch.Size) -> Tensor:
        drawn_places.append(chosen)
        return regions(correlations, chosen, *sizes)

    monkeypatch.setattr(corrmatch, "regions", noticed)
    confidence = {"threshold": threshold, "decay": decay}
    one = objective("corrmatch", colours=STILL, confidence=confidence, regions=3, **teacher)
    drawn, seen = batches(), Seen(one)
    labelled, weak = drawn["labelled"], drawn["unlabelled"]
    logits = taught_logits(one, weak)
    found = {name: loss.item() for name, loss in one.losses(drawn, 0).items()}
    (_, *of_labelled), (_, *of_view), (_, *of_weak) = seen.found
    said_of_view, said_of_weak = seen.logits[2:5], seen.logits[5:]
    rows = [[rows_of(*pair) for pair in zip(*one, strict=True)] for one in
            (of_labelled, of_view, of_weak)]  # fmt: skip

    p = logits.softmax(1)
    confident, classes = p.max(1)
    valid = weak.inside[:, 0] == 1
    if decay is not None:
        best = [float(confident[valid & (classes == k)].max()) for k in classes[valid].unique()]
        threshold = decay * threshold + (1 - decay) * sum(best) / len(best)
    assert one.threshold.item() == pytest.approx(threshold, rel=1e-6)
    sure = (confident >= threshold) & valid
    after = [
        spread_classes(classes[n], sure[n], valid[n], rows[2][n], places, threshold)
        for n, places in enumerate(drawn_places[0].tolist())
    ]
    if threshold == 0.4:
        assert any((new != sure[n]).any() for n, (_, new) in enumerate(after)), "some have spread"

    names = ("consistency", "divergence", "spread view", "feature_consistency", "spread weak")
    totals, counts = dict.fromkeys(names, 0.0), [0, 0]
    spread_view = [spread(said_of_view[n], rows[1][n]) for n in range(3)]
    spread_weak = [spread(logits[n], rows[2][n]) for n in range(3)]
    for n, y, x in np.ndindex(3, SIZE, SIZE):
        i = source(seen.image[2:5], weak.image, n, y, x)
        counts = [count + int(valid[m, y, x]) for count, m in zip(counts, (i, n), strict=True)]
        student = softmax(said_of_view[n, :, y, x].tolist())
        if after[i][1][y, x]:
            k = after[i][0][y, x]
            totals["consistency"] -= math.log(student[k])
            totals["spread view"] -= math.log(softmax(spread_view[n][:, y, x].tolist())[k])
        if sure[i, y, x]:
            pairs = zip(p[i, :, y, x].tolist(), student, strict=True)
            totals["divergence"] += sum(a * math.log(a / b) for a, b in pairs)
        if sure[n, y, x]:
            k = classes[n, y, x]
            of_dropped = softmax(said_of_weak[n, :, y, x].tolist())
            totals["feature_consistency"] -= math.log(of_dropped[k])
            totals["spread weak"] -= math.log(softmax(spread_weak[n][:, y, x].tolist())[k])
    per_count = zip(names, [counts[0]] * 3 + [counts[1]] * 2, strict=True)
    expected = {name: totals[name] / count for name, count in per_count}
    both = expected.pop("spread view") + expected.pop("spread weak")
    expected["unlabelled_correlation"] = both / 2
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-4, abs=1e-7), name
    spread_labelled = torch.stack([spread(seen.logits[n], rows[0][n]) for n in range(2)])
    for name, said in (("cross_entropy", seen.logits[:2]), ("correlation", spread_labelled)):
        expected = labelled_cross_entropy(said, labelled.mask)
        assert found[name] == pytest.approx(expected, rel=1e-5)


def test_rows_of_correlations_add_up_to_1_and_compare_all_places():
    query, key = torch.randn(2, 3, 2, 4), torch.randn(2, 3, 2, 4)
    found = correlation(query, key)
    for n in range(2):
        torch.testing.assert_close(found[n], torch.tensor(rows_of(query[n], key[n])))


def test_a_region_is_above_the_middle_of_its_row_and_of_a_flat_row_it_is_empty():
    rows = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.25] * 4])[None]
    found = regions(rows, torch.tensor([[0, 1]]), torch.Size((2, 2)), torch.Size((2, 2)))
    assert found.tolist() == [[[[False, False], [True, True]], [[False, False], [False, False]]]]


def test_classes_spread_over_regions_that_are_nearly_all_theirs():
    """Four regions of 4 pixels each: sure of one class; of two; of too few pixels; of padding."""
    classes = torch.tensor([[[1, 1, 1, 0], [1, 1, 2, 0], [2, 0, 0, 0], [3, 3, 3, 0]]])
    sure = torch.tensor([[[1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 0]]]).float()
    valid = torch.ones(1, 4, 4, dtype=torch.bool)
    valid[0, 3, :3] = False
    region = torch.eye(4, dtype=torch.bool).repeat_interleave(4, 1).view(1, 4, 4, 4)
    target = propagated(Target(classes, sure, valid), 4, region, torch.tensor(0.6))
    assert target.classes[0].tolist() == [[1] * 4, *classes[0, 1:].tolist()]
    assert target.confidence[0].tolist() == [[1] * 4, *sure[0, 1:].tolist()]
    assert target.valid is valid


def test_the_last_of_overlapping_regions_decides():
    classes = torch.tensor([[[0, 0, 1, 1]]])
    region = torch.tensor([[[[True, True, False, False]], [[False, False, True, True]],
                            [[True, True, True, False]]]])  # fmt: skip
    target = Target(classes, torch.tensor([[[1.0, 1, 1, 0]]]), torch.ones_like(classes).bool())
    found = propagated(target, 2, region, torch.tensor(0.5))
    assert found.classes.tolist() == [[[0, 0, 0, 1]]]
    assert found.confidence.tolist() == [[[1, 1, 1, 1]]]


def test_the_threshold_follows_the_largest_confidence_of_every_class():
    classes = torch.tensor([[[0, 0], [2, 2]]])
    confidence = torch.tensor([[[0.5, 0.9], [0.6, 1.0]]])
    valid = torch.tensor([[[True, True], [True, False]]])
    assert confidence_of_classes(Target(classes, confidence, valid), 4).item() == pytest.approx(
        (0.9 + 0.6) / 2
    )
    one = objective("corrmatch", confidence={"threshold": 0.7})
    drawn = batches()
    drawn["unlabelled"].inside.zero_()
    one.losses(drawn, 0)
    assert one.threshold.item() == pytest.approx(0.7), "nothing to follow"


def test_logits_that_spread_get_no_gradient():
    one = objective("corrmatch")
    one.losses(batches(), 0)["correlation"].backward()
    assert all(p.grad is None for p in one.network.segmentation_head.parameters())
    assert all(p.grad is not None for p in one.correlation_head.parameters())


def test_the_head_of_correlations_has_the_rate_of_the_segmentation_head():
    one = objective("corrmatch")
    assert one.parts("segmentation_head") == [one.network.segmentation_head, one.correlation_head]
    assert one.parts("encoder") == [one.network.encoder]


def test_without_regions_nothing_spreads():
    confidence = {"threshold": 0.4, "decay": None}
    one = objective("corrmatch", colours=STILL, confidence=confidence, regions=0)
    drawn, seen = batches(), Seen(one)
    logits = taught_logits(one, drawn["unlabelled"])
    found = one.losses(drawn, 0)["consistency"].item()
    expected = recomputed(logits, drawn["unlabelled"], seen, 2, one.options.confidence)
    assert found == pytest.approx(expected, rel=1e-5)
