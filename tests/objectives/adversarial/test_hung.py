"""Hung et al.'s adversarial learning, recomputed pixel by pixel from its formulas."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fewmask import IGNORE
from fewmask.objectives.objective import Objective
from tests.objectives.adversarial.making import (
    SMALL,
    Passes,
    layers_of,
    masks,
    mean,
    pixels,
    probabilities,
)
from tests.objectives.consistency.making import (
    Batches,
    batches,
    labelled_cross_entropy,
    objective,
    softmax,
)

LATE = 1
"""A step at which everything has begun: of a training of one step the one after the last."""


def hung(**options: Any) -> Objective:
    return objective("hung", discriminator=SMALL, **options)


def judged(one: Objective, maps: Tensor) -> Tensor:
    """D's probabilities for every pixel, from its weights."""
    head = one.discriminator.head
    scores = functional.conv2d(
        layers_of(one.discriminator, maps), head.weight, head.bias, stride=2, padding=1
    )
    scores = functional.interpolate(scores, maps.shape[2:], mode="bilinear", align_corners=False)
    return scores[:, 0].detach().sigmoid()


def median_judgement(one: Objective, drawn: Batches) -> float:
    """A threshold that about half of the unlabelled pixels reach."""
    passes = Passes(one.network)
    one.losses(drawn, 0)
    weak = drawn["unlabelled"]
    return float(judged(one, probabilities(passes.logits[1], weak)).median())


@pytest.mark.parametrize("judged_images", ["labelled", "all"])
def test_losses_are_those_of_the_formulas(judged_images: str):
    drawn = batches()
    threshold = median_judgement(hung(), drawn)
    one = hung(threshold=threshold, judged_images=judged_images)
    passes = Passes(one.network)
    losses = one.losses(drawn, LATE)
    labelled, weak = drawn["labelled"], drawn["unlabelled"]
    of_labelled, of_weak = passes.logits
    real = judged(one, masks(labelled))
    fake, weak_fake = (
        judged(one, probabilities(logits, batch))
        for logits, batch in ((of_labelled, labelled), (of_weak, weak))
    )

    def error(judgement: Tensor, places: list, target: int) -> list[float]:
        return [-math.log(abs(1 - target - float(judgement[place]))) for place in places]

    taught = [
        -math.log(max(softmax(of_weak[n, :, y, x].tolist())))
        for n, y, x in pixels(weak)
        if weak_fake[n, y, x] >= threshold
    ]
    assert 0.2 < len(taught) / len(pixels(weak)) < 0.8
    predicted = error(fake, pixels(labelled), 0)
    if judged_images == "all":
        predicted += error(weak_fake, pixels(weak), 0)
    expected = {
        "cross_entropy": labelled_cross_entropy(of_labelled, labelled.mask),
        "adversarial": mean(error(fake, pixels(labelled), 1)),
        "unlabelled_adversarial": mean(error(weak_fake, pixels(weak), 1)),
        "self_taught": mean(taught),
        "discriminator": (mean(predicted) + mean(error(real, pixels(labelled), 1))) / 2,
    }
    found = {name: loss.item() for name, loss in losses.items()}
    assert found == pytest.approx(expected, rel=1e-4)


def test_what_begins_later_is_0_before():
    one, drawn = hung(threshold=0, self_taught_start=0.5, adversarial_start=0.25), batches()
    one.steps = 100
    begun = [
        [one.losses(drawn, step)[name].item() > 0 for step in (0, 24, 25, 49, 50, 99)]
        for name in ("unlabelled_adversarial", "self_taught")
    ]
    assert begun == [[False, False, True, True, True, True], [False] * 4 + [True] * 2]


def test_no_pixel_reaches_a_threshold_of_1_and_all_reach_0():
    drawn = batches()
    none, all_of_them = (
        hung(threshold=one).losses(drawn, LATE)["self_taught"].item() for one in (1, 0)
    )
    assert none == 0
    one = hung()
    passes = Passes(one.network)
    one.losses(drawn, LATE)
    weak = drawn["unlabelled"]
    expected = mean(
        [-math.log(max(softmax(passes.logits[1][n, :, y, x].tolist()))) for n, y, x in pixels(weak)]
    )
    assert all_of_them == pytest.approx(expected, rel=1e-5)


def test_the_discriminator_sees_nothing_of_pixels_that_do_not_count():
    one, drawn = hung(), batches()
    seen: list[Tensor] = []
    one.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    one.losses(drawn, LATE)
    places = torch.cat([drawn["labelled"].mask != IGNORE, drawn["unlabelled"].inside[:, 0] == 1])
    opposed, learnt = seen
    assert torch.equal(opposed.sum(1) > 0, places)
    assert torch.equal(learnt.sum(1) > 0, torch.cat([places[:2]] * 2)), "masks, and predictions"
