"""Cross pseudo supervision, recomputed pixel by pixel from its formulas."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fewmask import IGNORE
from fewmask.data.augmentation.mixing import boxes, draw_between
from fewmask.objectives.consistency.strong import drawn_boxes
from fewmask.objectives.cps.settings import SeveralBoxes
from tests.objectives.consistency.making import (
    batches,
    labelled_cross_entropy,
    objective,
    softmax,
    source,
)


class Passes:
    """What a network was given and returned, pass by pass, and whether it was in training mode."""

    def __init__(self, network: nn.Module) -> None:
        self.images: list[Tensor] = []
        self.logits: list[Tensor] = []
        self.training: list[bool] = []
        network.register_forward_hook(self._keep)

    def _keep(self, network: nn.Module, given: tuple[Tensor, ...], found: Any) -> None:
        self.images.append(given[0])
        self.logits.append(found["segmentation"].detach().double())
        self.training.append(network.training)


def against(logits: Tensor, of_other: Tensor, inside: Tensor) -> tuple[float, int]:
    """The sum of -log p of the other's likeliest classes over pixels inside, and their number."""
    total, count = 0.0, 0
    for n, y, x in np.ndindex(len(logits), *logits.shape[2:]):
        if inside[n, 0, y, x]:
            p = softmax(logits[n, :, y, x].tolist())
            total -= float(np.log(p[int(of_other[n, :, y, x].argmax())]))
            count += 1
    return total, count


def test_plain_each_learns_the_classes_of_the_other_on_all_images():
    one, drawn = objective("cps"), batches()
    first, second = Passes(one.network), Passes(one.second)
    losses = one.losses(drawn, 0)
    assert first.training == second.training == [True, True]
    mask = drawn["labelled"].mask
    expected = sum(labelled_cross_entropy(each.logits[0], mask) for each in (first, second))
    assert losses["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    of_first, of_second = (torch.cat(each.logits) for each in (first, second))
    inside = torch.cat([drawn[role].inside for role in ("labelled", "unlabelled")])
    pairs = [(of_first, of_second), (of_second, of_first)]
    expected = sum(total / count for total, count in (against(*pair, inside) for pair in pairs))
    assert losses["cross_supervision"].item() == pytest.approx(expected, rel=1e-5)


def test_with_boxes_the_classes_are_those_of_the_images_before_pasting():
    one, drawn = objective("cps", mixing={}), batches()
    first, second = Passes(one.network), Passes(one.second)
    losses = one.losses(drawn, 0)
    assert first.training == second.training == [True, False, True]
    weak, view = drawn["unlabelled"], first.images[2]
    assert torch.equal(view, second.images[2]), "both see the same view"
    places = list(np.ndindex(len(view), *view.shape[2:]))
    whose = {place: source(view, weak.image, *place) for place in places}
    assert any(i != n for (n, _, _), i in whose.items()), "something is pasted"
    moved = [torch.empty_like(each.logits[1]) for each in (first, second)]
    inside = torch.empty_like(weak.inside)
    for (n, y, x), i in whose.items():
        inside[n, 0, y, x] = weak.inside[i, 0, y, x]
        for target, each in zip(moved, (first, second), strict=True):
            target[n, :, y, x] = each.logits[1][i, :, y, x]
    pairs = [(first.logits[2], moved[1]), (second.logits[2], moved[0])]
    expected = sum(total / count for total, count in (against(*pair, inside) for pair in pairs))
    assert losses["cross_supervision"].item() == pytest.approx(expected, rel=1e-5)


def test_no_gradient_passes_through_the_classes_of_the_other():
    one, drawn = objective("cps"), batches()
    losses = one.losses(drawn, 0)["cross_supervision"]
    losses.backward()
    assert all(p.grad is not None for p in one.second.segmentation_head.parameters())
    of_first = [p.grad.clone() for p in one.network.segmentation_head.parameters()]
    one.zero_grad()
    one.second.requires_grad_(False)
    one.losses(drawn, 0)["cross_supervision"].backward()
    again = [p.grad for p in one.network.segmentation_head.parameters()]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(of_first, again, strict=True))


@pytest.mark.parametrize("mixing", [None, {}])
def test_without_masks_or_inside_nothing_is_learnt(mixing: dict | None):
    one, drawn = objective("cps", mixing=mixing), batches()
    drawn["labelled"].mask.fill_(IGNORE)
    for batch in drawn.values():
        batch.inside.zero_()
    losses = one.losses(drawn, 0)
    assert [loss.item() for loss in losses.values()] == [0, 0]
    sum(losses.values()).backward()


def test_the_weight_of_the_other_rises():
    one, drawn = objective("cps", ramp_up=1.0), batches()
    one.steps = 4
    values = [one.losses(drawn, step)["cross_supervision"].item() for step in (0, 2, 4)]
    assert values[0] == pytest.approx(np.exp(-5) * values[2], rel=1e-3)
    assert values[1] == pytest.approx(np.exp(-5 / 4) * values[2], rel=1e-3)


@pytest.mark.parametrize("result", ["first", "mean"])
def test_the_result_is_the_first_network_or_the_mean(result: str):
    one, drawn = objective("cps", result=result).eval(), batches()
    given = drawn["unlabelled"].image, drawn["unlabelled"].inside
    with torch.no_grad():
        each = [net(*given)["segmentation"].softmax(1) for net in one.networks]
        found = one.result(*given)["segmentation"].softmax(1)
    expected = each[0] if result == "first" else (each[0] + each[1]) / 2
    assert torch.allclose(found, expected, atol=1e-6)
    assert one.options.result_networks == (2 if result == "mean" else 1)


def test_a_pixel_in_an_odd_number_of_boxes_is_pasted():
    image, options = torch.zeros(50, 3, 32, 32), SeveralBoxes(count=5)
    torch.manual_seed(0)
    found = drawn_boxes(options, image, options.count)
    torch.manual_seed(0)
    torch.rand(50)  # which images get boxes
    area = draw_between(options.area, 50) / 5
    counts = sum(boxes(area, options.aspect, (32, 32)).int() for _ in range(5))
    assert (counts > 1).any(), "some overlap"
    assert torch.equal(found, counts % 2 == 1)
    assert not drawn_boxes(SeveralBoxes(probability=0), image, 3).any()
