"""PrevMatch: its losses, recomputed from their formulas, and its snapshots."""

import copy

import pytest
import torch

from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.objective import build
from fewmask.objectives.prevmatch.objective import PrevMatch
from tests.objectives.consistency.making import (
    CLASSES,
    STILL,
    TINY,
    Seen,
    batches,
    labelled_cross_entropy,
    options,
    recomputed,
    taught_logits,
)

STEPS = 20


def objective(**changes: object) -> PrevMatch:
    torch.manual_seed(0)
    chosen = options("prevmatch", colours=STILL, **changes)
    one = build(chosen, Blueprint(TINY, {"segmentation": CLASSES}, steps=STEPS)).train()
    with torch.no_grad():
        for parameter in one.network.segmentation_head.parameters():
            parameter.normal_(std=0.7)
    return one


@pytest.mark.parametrize(("step", "weight"), [(5, 0.5), (10, 1.0), (15, 0.5), (0, 0.0), (20, 0.0)])
def test_the_losses_are_their_formulas(step: int, weight: float):
    thresholds = {
        "confidence": {"threshold": 0.4},
        "previous_confidence": {"threshold": 0.6},
    }
    one = objective(snapshots=1, taken=10, **thresholds)
    for _ in range(2):
        one.after_update()
    with torch.no_grad():
        for parameter in one.network.segmentation_head.parameters():
            parameter.add_(torch.randn_like(parameter))
    drawn, seen = batches(), Seen(one)
    weak = drawn["unlabelled"]
    logits = taught_logits(one, weak)
    before = one.snapshots[0](weak.image, weak.inside)["segmentation"].double()
    found = {name: loss.item() for name, loss in one.losses(drawn, step).items()}
    chosen = one.options.confidence
    first, second, dropped = (recomputed(logits, weak, seen, s, chosen) for s in (2, 5, 8))
    own = one.options.previous_confidence
    earlier = [recomputed(before, weak, seen, s, own) for s in (2, 5, 8)]
    assert earlier != [recomputed(before, weak, seen, s, chosen) for s in (2, 5, 8)]
    previous = weight * (0.25 * earlier[0] + 0.25 * earlier[1] + 0.5 * earlier[2])
    share = 2 / (2 + weight)
    supervised = labelled_cross_entropy(seen.logits[:2], drawn["labelled"].mask)
    assert found["cross_entropy"] == pytest.approx(share * supervised, rel=1e-5)
    assert found["consistency"] == pytest.approx(share * (first + second) / 2, rel=1e-5)
    assert found["feature_consistency"] == pytest.approx(share * dropped, rel=1e-5)
    assert found["previous"] == pytest.approx(share * previous, rel=1e-5)


def test_snapshots_are_taken_by_the_calendar_and_the_oldest_is_replaced():
    one = objective(snapshots=3, taken=10)
    bias = list(one.network.segmentation_head.parameters())[-1]
    for update in range(1, 11):
        with torch.no_grad():
            bias.fill_(update)
        one.after_update()
    held = [float(list(s.network.segmentation_head.parameters())[-1][0]) for s in one.snapshots]
    assert held == [8, 10, 6]
    assert all(not p.requires_grad for p in one.snapshots.parameters())


def test_without_a_snapshot_it_is_unimatch():
    one = objective(taken=2)
    losses = one.losses(batches(), 5)
    assert losses["previous"].item() == 0
    assert one._weight(5) == 0


def test_the_target_is_a_weighted_sum_of_some_snapshots():
    one = objective(snapshots=4, taken=20, most_chosen=3)
    head = list(one.network.segmentation_head.parameters())
    with torch.no_grad():
        for update in range(4):
            for parameter in head:
                parameter.zero_()
            head[-1][update] = 1.0
            one.after_update()
    weak, numbers = batches()["unlabelled"], set()
    for _ in range(30):
        pixel = one._previous(weak)[0, :, 0, 0]
        assert pixel.sum().item() == pytest.approx(1)
        assert (pixel >= 0).all()
        numbers.add(int((pixel > 0).sum()))
    assert numbers == {1, 2, 3}


def test_a_checkpoint_knows_how_many_snapshots_there_are():
    one, other = (objective(snapshots=2, taken=10) for _ in range(2))
    for _ in range(3):
        one.after_update()
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    assert other._taken == one._taken == 1
    assert other.updates == 3
