"""Dynamic self-training and mutual training, recomputed pixel by pixel from their formulas."""

import numpy as np
import pytest
import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.objective import Objective, build
from fewmask.planning.stages import Resolved, Resolver
from tests.conftest import small_stage
from tests.objectives.consistency.making import CLASSES, SIZE, TINY, Batches, batches, softmax


def objective(**changes: object) -> Objective:
    torch.manual_seed(0)
    settings = {"name": "dynamic_training", **changes}
    stage = small_stage(
        objective=settings, pseudo_masks="a", batch={"labelled": 2, "unlabelled": 3}
    )
    one = build(stage.objective, Blueprint(TINY, {"segmentation": CLASSES})).train()
    for parameter in one.network.segmentation_head.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return one


def drawn() -> Batches:
    both = batches()
    unlabelled = both["unlabelled"]
    nowhere = unlabelled.inside[:, 0] == 0
    nowhere[:, 5:7] = True  # below the quota
    shape = (3, SIZE, SIZE)
    unlabelled.pseudo_mask = torch.randint(0, CLASSES, shape).masked_fill(nowhere, IGNORE)
    unlabelled.pseudo_confidence = torch.randint(64, 256, shape)
    return both


def logits_of(one: Objective) -> list[Tensor]:
    """The logits of the passes to come, which keep their gradients."""
    found = []

    def keep(network: object, given: object, outputs: dict[str, Tensor]) -> None:
        outputs["segmentation"].retain_grad()
        found.append(outputs["segmentation"])

    one.network.register_forward_hook(keep)
    return found


@pytest.mark.parametrize("skip_surer", [False, True])
@pytest.mark.parametrize("powers", [(5, 5), (2, 0.5), (0, 0)])
def test_the_loss_and_its_gradients_are_those_of_the_formula(
    powers: tuple[float, float], skip_surer: bool
):
    one, both = (
        objective(agreement_power=powers[0], disagreement_power=powers[1], skip_surer=skip_surer),
        drawn(),
    )
    passes = logits_of(one)
    loss = one.losses(both, 0)["cross_entropy"]
    loss.backward()
    [logits] = passes
    unlabelled = both["unlabelled"]
    targets = torch.cat([both["labelled"].mask, unlabelled.pseudo_mask])
    count = (targets != IGNORE).sum().item()
    total, gradient, cases = 0.0, torch.zeros_like(logits), set()
    for n, y, x in np.ndindex(*targets.shape):
        target = targets[n, y, x].item()
        if target == IGNORE:
            continue
        p = np.array(softmax(logits[n, :, y, x].tolist()))
        weight, case = 1.0, "masks"
        if n >= 2:
            confidence = unlabelled.pseudo_confidence[n - 2, y, x].item()
            case = "agrees" if p.argmax() == target else "disagrees"
            weight = p[target] ** powers[case == "disagrees"]
            if skip_surer and case == "disagrees" and round(255 * p.max()) > confidence:
                weight, case = 0, "skipped"
        cases.add(case)
        total -= weight * np.log(p[target])
        p[target] -= 1
        gradient[n, :, y, x] = torch.from_numpy(weight * p / count)
    assert cases == {"masks", "agrees", "disagrees"} | ({"skipped"} if skip_surer else set())
    assert loss.item() == pytest.approx(total / count, rel=1e-5)
    torch.testing.assert_close(logits.grad, gradient, rtol=1e-4, atol=1e-8)


def test_without_masks_and_pseudo_masks_nothing_is_learnt():
    one, both = objective(skip_surer=True), drawn()
    both["labelled"].mask.fill_(IGNORE)
    both["unlabelled"].pseudo_mask.fill_(IGNORE)
    loss = one.losses(both, 0)["cross_entropy"]
    loss.backward()
    assert loss.item() == 0
    assert not any(p.grad.any() for p in one.parameters() if p.grad is not None)


def test_in_dmt_each_network_learns_what_the_other_predicted_a_round_before():
    *supervised, _ = (all_stages := Resolver([]).stages("dmt", "scenes", "n10"))[:3]
    assert [(one.stage.labelled_share, one.stage.replica) for one in supervised] == [
        (0.8, 0),
        (0.8, 1),
    ], "each learns without a fifth that the other one has"
    stages = {one.key.stage: one for one in all_stages[2:]}
    assert {one.stage.labelled_share for one in stages.values()} == {1}
    assert list(stages)[-1] == "round_5", "the first network is the result"
    first, second = "supervised_first/supervised", "supervised_second/supervised"
    for number in range(1, 6):
        mine = stages[f"round_{number}"]
        assert upstream(mine) == (first, second)
        pair = [mine]
        if number < 5:
            theirs = stages[f"second_{number}"]
            assert upstream(theirs) == (second, first)
            pair.append(theirs)
        assert [one.stage.most_confident for one in pair] == [number / 5] * len(pair)
        assert [one.stage.replica for one in pair] == [0, 1][: len(pair)]
        first, second = f"dmt/round_{number}", f"dmt/second_{number}"


def upstream(one: Resolved) -> tuple[str, ...]:
    """Whose weights a stage starts from, and whose pseudo-masks it learns."""
    keys = (one.start_from.key, one.pseudo_masks.key)
    return tuple(f"{key.method}/{key.stage}" for key in keys)


def test_in_dst_the_network_learns_its_own_pseudo_masks():
    before, *rounds = Resolver([]).stages("dst_cbc", "scenes", "n10")
    assert [one.stage.most_confident for one in rounds] == [0.2, 0.4, 0.6, 0.8, 1]
    for one in rounds:
        assert one.start_from.key == one.pseudo_masks.key == before.key
        assert not one.stage.objective.skip_surer
        before = one
