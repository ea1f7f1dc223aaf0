"""Guided collaborative training, recomputed pixel by pixel from its formulas."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, maximum_filter
from torch import Tensor

from fewmask import IGNORE
from fewmask.networks.flaw_detector import FlawDetector, HalfInstanceNorm
from fewmask.objectives.gct.flaws import compared_flaws, true_flaws
from fewmask.objectives.gct.objective import GCT
from tests.objectives.consistency.making import (
    CLASSES,
    batches,
    labelled_cross_entropy,
    objective,
    options,
    softmax,
)
from tests.objectives.passes import Passes

Array = np.ndarray


def gct(**changes: object) -> GCT:
    one = objective("gct", detector={"channels": [8, 8]}, ramp_up=0, **changes)
    with torch.no_grad():
        one.second.segmentation_head[0].weight.normal_(std=0.7)
        one.detector.head.weight.normal_(std=0.1)
        one.detector.head.bias.fill_(0.3)
    return one


def blurred(image: Array, width: int) -> Array:
    sigma = 0.3 * ((width - 1) / 2 - 1) + 0.8
    return gaussian_filter(image, sigma, mode="nearest", radius=math.ceil(3 * sigma))


def stretched(image: Array) -> Array:
    spread = image.max() - image.min()
    return (image - image.min()) / spread if spread else np.zeros_like(image)


def test_true_flaws_are_what_is_missing_blurred_and_dilated_image_by_image():
    torch.manual_seed(0)
    probabilities = torch.rand(2, 3, 32, 24).softmax(1)
    mask = torch.randint(0, 3, (2, 32, 24))
    mask[0, :5] = IGNORE
    mask[1] = IGNORE
    found = true_flaws(probabilities, mask)
    missing = np.zeros((32, 24))
    for y, x in np.ndindex(32, 24):
        if mask[0, y, x] != IGNORE:
            missing[y, x] = 1 - probabilities[0, mask[0, y, x], y, x]
    # An eighth and a quarter of the shorter side, 3 and 6, as odd numbers.
    expected = stretched(blurred(maximum_filter(blurred(missing, 3), 3), 7))
    np.testing.assert_allclose(found[0], expected, atol=1e-4)
    assert not found[1].any()


def compared(flaws: Array, valid: Array) -> Array:
    maps = blurred(np.maximum(flaws, 0) * valid, flaws.shape[0] // 16)
    return stretched(maps) if maps.max() > 0.1 else np.zeros_like(maps)


def test_compared_flaws_go_from_0_to_1_unless_an_image_has_none():
    torch.manual_seed(0)
    flaws, valid = torch.randn(3, 16, 16), torch.ones(3, 16, 16, dtype=torch.bool)
    flaws[1] *= 0.01
    valid[2, 10:] = False
    found = compared_flaws(flaws, valid)
    for n in range(3):
        np.testing.assert_allclose(
            found[n], compared(flaws[n].numpy(), valid[n].numpy()), atol=1e-5
        )
    assert not found[1].any()
    assert not found[2, 13:].any()
    even = compared_flaws(torch.full((1, 16, 16), 0.7), valid[:1])
    assert even.max() < 0.01, "rounding is no flaw"


def test_the_losses_are_their_formulas():
    one, drawn = gct(threshold=0.4), batches()
    nets = [Passes(each.segmentation_head) for each in one.networks]
    detector = Passes(one.detector)
    losses = {name: loss.item() for name, loss in one.losses(drawn, 0).items()}
    logits = [each.returned[0].detach().double() for each in nets]
    mask = drawn["labelled"].mask
    expected = sum(labelled_cross_entropy(each[:2], mask) for each in logits)
    assert losses["cross_entropy"] == pytest.approx(expected, rel=1e-5)
    inside = torch.cat([drawn[role].inside for role in ("labelled", "unlabelled")])[:, 0].numpy()
    flaws = [each.detach().double().numpy() for each in detector.returned]
    maps = [[compared(each[n], inside[n]) for n in range(5)] for each in flaws[:2]]
    fixed, changed, correction, consistency, count, wrong = 0, 0, 0.0, 0.0, 0, 0
    for n, y, x in np.ndindex(*inside.shape):
        if not inside[n, y, x]:
            continue
        count += 1
        a, b = (1.0 if one_map[n][y, x] > 0.4 else one_map[n][y, x] for one_map in maps)
        if a == b == 1:
            wrong += 1
            correction += flaws[0][n, y, x] ** 2 + flaws[1][n, y, x] ** 2
        if a != b:
            changed += 1
            p, q = (softmax(each[n, :, y, x].tolist()) for each in logits)
            consistency += sum((s - t) ** 2 for s, t in zip(p, q, strict=True))
        else:
            fixed += 1
    assert min(wrong, changed, fixed) > 0
    assert losses["flaw_correction"] == pytest.approx(correction / count, rel=1e-3)
    assert losses["consistency"] == pytest.approx(consistency / count, rel=1e-3)
    known = (mask != IGNORE).numpy()
    errors = []
    for found, each in zip(flaws[2:], logits, strict=True):
        seen = each[:2].softmax(1).float() * drawn["labelled"].inside
        truth = true_flaws(seen, mask).numpy()
        errors.append(((found - truth)[known] ** 2).mean())
    assert losses["flaw_detector"] == pytest.approx(np.mean(errors), rel=1e-3)


def has_gradients(one: GCT) -> list[bool]:
    """Of both networks and the detector."""
    modules = (*one.networks, one.detector)
    return [any(p.grad is not None and p.grad.any() for p in each.parameters()) for each in modules]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cross_entropy", [True, True, False]),
        ("flaw_correction", [True, True, False]),
        ("consistency", [True, True, False]),
        ("flaw_detector", [False, False, True]),
    ],
)
def test_each_loss_reaches_whom_it_is_for(name: str, expected: list[bool]):
    one = gct(threshold=0.4)
    one.losses(batches(), 0)[name].backward()
    assert has_gradients(one) == expected


@pytest.mark.parametrize("wrong", [0, 1])
def test_only_the_network_that_is_more_wrong_learns_from_the_other(wrong: int):
    one = gct()
    logits = [torch.randn(2, CLASSES, 4, 4, requires_grad=True) for _ in range(2)]
    valid = torch.ones(2, 4, 4, dtype=torch.bool)
    maps: tuple[Tensor, Tensor] = (torch.zeros(2, 4, 4), torch.full((2, 4, 4), 0.3))
    maps = maps if wrong else maps[::-1]
    loss = one._consistency(logits, maps, valid)
    first, second = (each.softmax(1) for each in logits)
    assert loss.item() == pytest.approx((first - second).square().sum(1).mean().item(), rel=1e-5)
    loss.backward()
    assert [bool(each.grad.any()) for each in logits] == [wrong == 0, wrong == 1]
    assert one._consistency(logits, (maps[0], maps[0]), valid).item() == 0
    both_wrong = (torch.full((2, 4, 4), 0.7), torch.full((2, 4, 4), 0.9))
    assert one._consistency(logits, both_wrong, valid).item() == 0


def test_without_masks_or_inside_nothing_is_learnt():
    one, drawn = gct(), batches()
    drawn["labelled"].mask.fill_(IGNORE)
    for batch in drawn.values():
        batch.inside.zero_()
    losses = one.losses(drawn, 0)
    assert not any(loss.item() for loss in losses.values())
    sum(losses.values()).backward()
    assert has_gradients(one) == [False] * 3


def test_the_detector_has_an_optimiser_of_its_own():
    one = gct()
    [group] = one.parameter_groups()
    assert group.parameters == list(one.detector.parameters())
    assert group.optimiser.model_dump(include={"name", "learning_rate", "betas"}) == {
        "name": "adam", "learning_rate": 1e-4, "betas": (0.9, 0.99)
    }  # fmt: skip


def test_the_detector_sees_images_of_any_size_that_it_can_halve():
    assert options("gct").size_of(64, 80) == (64, 80)
    with pytest.raises(ValueError, match=r"objective.detector halves images 5 times"):
        options("gct").size_of(63, 80)
    for height, width in ((32, 32), (45, 70)):
        detector = FlawDetector(7, (8, 8, 8, 8))
        found = detector(torch.rand(1, 3, height, width), torch.rand(1, 4, height, width))
        assert found.shape == (1, height, width)


def test_half_of_the_channels_are_normalised_image_by_image():
    maps = torch.rand(3, 5, 6, 6) * torch.tensor([1.0, 5.0, 20.0]).view(-1, 1, 1, 1)
    found = HalfInstanceNorm(5)(maps)
    means, spreads = found.mean((2, 3)), found.std((2, 3))
    torch.testing.assert_close(means[:, 3:], torch.zeros(3, 2), atol=1e-3, rtol=0)
    assert (spreads[:, 3:] - 1).abs().max() < 0.05
    assert (means[2, :3] > means[0, :3]).all()
