"""s4GAN, recomputed image by image from its formulas."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.networks.discriminators import ImageDiscriminator
from fewmask.objectives.objective import Objective
from tests.objectives.adversarial.making import (
    SMALL,
    Passes,
    layers_of,
    masks,
    mean,
    pixels,
    probabilities,
    sigmoid,
)
from tests.objectives.consistency.making import (
    Batches,
    batches,
    labelled_cross_entropy,
    objective,
    softmax,
)


def s4gan(**options: Any) -> Objective:
    """Without dropout, so that every pass of the discriminator judges alike."""
    return objective("s4gan", discriminator=SMALL | {"dropout": 0}, **options)


def judged(one: Objective, maps: Tensor, images: Tensor) -> tuple[list[float], Tensor]:
    """D's probability for every image, and its features, from its weights."""
    features = layers_of(one.discriminator, torch.cat([maps, images], 1)).mean((2, 3)).detach()
    weight, bias = one.discriminator.head.weight[0], one.discriminator.head.bias
    return [sigmoid((weight * one).sum() + bias) for one in features], features


def of_unlabelled(one: Objective, drawn: Batches) -> list[float]:
    """D's probabilities for what the segmenter predicts."""
    passes = Passes(one.network)
    one.losses(drawn, 1)
    weak = drawn["unlabelled"]
    return judged(one, probabilities(passes.logits[1], weak), weak.image)[0]


def test_losses_are_those_of_the_formulas():
    drawn = batches()
    lowest, second, _ = sorted(of_unlabelled(s4gan(), drawn))
    threshold = (lowest + second) / 2
    one = s4gan(threshold=threshold)
    passes = Passes(one.network)
    losses = one.losses(drawn, 1)
    labelled, weak = drawn["labelled"], drawn["unlabelled"]
    of_labelled, of_weak = passes.logits
    real, features = judged(one, masks(labelled), labelled.image)
    fake, weak_features = judged(one, probabilities(of_weak, weak), weak.image)
    taught = [
        -math.log(max(softmax(of_weak[n, :, y, x].tolist())))
        for n, y, x in pixels(weak)
        if fake[n] > threshold
    ]
    assert 0 < len(taught) < len(pixels(weak)), "one image is not taken for a labelled one"
    apart = [
        abs(mean(features[:, k].tolist()) - mean(weak_features[:, k].tolist()))
        for k in range(features.shape[1])
    ]
    wrong = mean([-math.log(1 - p) for p in fake]), mean([-math.log(p) for p in real])
    expected = {
        "cross_entropy": labelled_cross_entropy(of_labelled, labelled.mask),
        "feature_matching": mean(apart),
        "self_taught": mean(taught),
        "discriminator": sum(wrong) / 2,
    }
    found = {name: loss.item() for name, loss in losses.items()}
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("threshold", "learns"), [(0, True), (1, False)])
def test_all_images_or_none_exceed_a_threshold(threshold: float, learns: bool):
    value = s4gan(threshold=threshold).losses(batches(), 1)["self_taught"].item()
    assert (value > 0) == learns


def test_an_image_without_any_label_counts_nowhere():
    """Whatever it shows."""
    found = []
    for shift in (0, 0.5):
        one, drawn = s4gan().eval(), batches()
        labelled = drawn["labelled"]
        labelled.mask[0] = IGNORE
        labelled.image[0] = (labelled.image[0] + shift) % 1
        found.append({name: loss.item() for name, loss in one.losses(drawn, 1).items()})
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_channels_are_dropped_between_layers_only():
    one = ImageDiscriminator(3, (4, 5, 6), 1.0)
    scores, features = one(torch.rand(2, 3, 16, 16))
    assert torch.equal(features[0], features[1]), "all that the last layer sees is its bias"
    assert torch.equal(scores[0], scores[1])
    one.eval()
    scores, _ = one(torch.rand(2, 3, 16, 16))
    assert scores[0] != scores[1]
