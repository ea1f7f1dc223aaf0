"""Cross-consistency training, recomputed pixel by pixel from its formulas."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from fewmask import IGNORE
from fewmask.core.errors import FewmaskError
from fewmask.objectives.cct.settings import CCTSettings
from tests.objectives.consistency.making import (
    CLASSES,
    Batches,
    batches,
    labelled_cross_entropy,
    objective,
    softmax,
)
from tests.objectives.passes import Passes

KINDS = ["noise", "dropout", "most_active", "cutout", "objects", "context", "adversarial"]


def squared_error(logits: Tensor, of_main: Tensor, inside: Tensor) -> float:
    """The mean over pixels inside, summed over classes."""
    errors = []
    for n, y, x in np.ndindex(len(logits), *logits.shape[2:]):
        if inside[n, 0, y, x]:
            p, q = (softmax(one[n, :, y, x].tolist()) for one in (logits, of_main))
            errors.append(sum((a - b) ** 2 for a, b in zip(p, q, strict=True)))
    return float(np.mean(errors))


def test_the_losses_are_their_formulas():
    one, drawn = objective("cct", ramp_up=0), batches()
    main = Passes(one.network.segmentation_head)
    others = [Passes(each) for each in one.auxiliary]
    losses = one.losses(drawn, 0)
    of_labelled, of_unlabelled = (each.double() for each in main.returned)
    expected = labelled_cross_entropy(of_labelled, drawn["labelled"].mask)
    assert losses["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    assert len(others) == len(KINDS)
    inside = drawn["unlabelled"].inside
    errors = [squared_error(each.returned[0].double(), of_unlabelled, inside) for each in others]
    assert losses["consistency"].item() == pytest.approx(np.mean(errors), rel=1e-4)


@pytest.fixture
def maps() -> dict[str, list[tuple[Tensor, Tensor]]]:
    """By kind, the feature maps as they are, and as its decoder sees them."""
    one = objective("cct")
    assert one.kinds == KINDS
    encoder, others = Passes(one.network.encoder), [Passes(each) for each in one.auxiliary]
    one.losses(batches(), 0)
    plain = [each.detach() for each in encoder.returned[1]]
    seen = {
        kind: [given.detach() for given in each.given[0]]
        for kind, each in zip(KINDS, others, strict=True)
    }
    for given in seen.values():
        assert torch.equal(given[0], plain[0]), "the image itself stays"
    return {kind: list(zip(plain[1:], given[1:], strict=True)) for kind, given in seen.items()}


def test_each_decoder_sees_the_features_perturbed_in_its_way(
    maps: dict[str, list[tuple[Tensor, Tensor]]],
):
    for plain, noisy in maps["noise"]:
        assert ((noisy - plain).abs() <= 0.301 * plain.abs()).all()
        assert not torch.equal(noisy, plain)
    for plain, dropped in maps["dropout"]:
        for n, c in np.ndindex(*plain.shape[:2]):
            whole, found = plain[n, c], dropped[n, c]
            assert torch.equal(found, 2 * whole) or not found.any()
    assert any((dropped != 2 * plain).any() for plain, dropped in maps["dropout"])
    for plain, calm in maps["most_active"]:
        activity = plain.mean(1) / plain.mean(1).amax((1, 2), keepdim=True)
        is_left_out = ~calm.any(1) & plain.any(1)
        assert (activity[is_left_out] >= 0.6 - 1e-6).all()
        assert (activity[~is_left_out & plain.any(1)] < 0.9).all()
    pairs = zip(maps["objects"], maps["context"], strict=True)
    for (plain, objects), (_, context) in pairs:
        assert torch.equal(objects + context, plain)
    assert any(objects.any() for _, objects in maps["objects"])
    assert any(context.any() for _, context in maps["context"])
    for plain, cut in maps["cutout"]:
        assert ((cut == plain) | (cut == 0)).all()
    noise = [noisy - plain for plain, noisy in maps["adversarial"]]
    length = torch.stack([one.flatten(1).norm(dim=1) for one in noise]).norm(dim=0)
    torch.testing.assert_close(length, torch.full((3,), 2.0), rtol=1e-3, atol=0)


def test_the_main_decoder_learns_from_masks_alone():
    one = objective("cct")
    one.losses(batches(), 0)["consistency"].backward()
    main = [*one.network.decoder.parameters(), *one.network.segmentation_head.parameters()]
    assert all(parameter.grad is None for parameter in main)
    for module in (one.network.encoder, *one.auxiliary):
        assert any(p.grad is not None and p.grad.any() for p in module.parameters())


def nothing_known() -> Batches:
    drawn = batches()
    drawn["labelled"].mask.fill_(IGNORE)
    for batch in drawn.values():
        batch.inside.zero_()
    return drawn


def test_without_masks_or_inside_nothing_is_learnt():
    one = objective("cct")
    losses = one.losses(nothing_known(), 0)
    assert [loss.item() for loss in losses.values()] == [0, 0]
    sum(losses.values()).backward()
    assert not any(p.grad.any() for p in one.parameters() if p.grad is not None)


def test_of_a_single_class_there_is_nothing_to_agree_on():
    one, drawn = objective("cct", classes=1), batches()
    drawn["labelled"].mask.clamp_(max=0)
    assert [loss.item() for loss in one.losses(drawn, 0).values()] == [0, 0]


def test_the_weight_rises():
    one, drawn = objective("cct", ramp_up=0.5, decoders={"adversarial": 0}), batches()
    one.steps, values = 8, []
    for step in (0, 2, 4):
        torch.manual_seed(5)
        values.append(one.losses(drawn, step)["consistency"].item())
    assert values[0] == pytest.approx(np.exp(-5) * values[2], rel=1e-3)
    assert values[1] == pytest.approx(np.exp(-5 / 4) * values[2], rel=1e-3)


def test_decoders_of_a_kind_are_counted_and_learn_at_the_rate_of_the_main_one():
    counts = dict.fromkeys(KINDS, 0) | {"dropout": 2, "context": 1}
    one = objective("cct", decoders=counts)
    assert one.kinds == ["dropout", "dropout", "context"]
    first, second, _ = (next(each.decoder.parameters()) for each in one.auxiliary)
    assert not torch.equal(first, second)
    assert len(one.parts("decoder")) == len(one.parts("segmentation_head")) == 4
    assert one.parts("encoder") == [one.network.encoder]
    with pytest.raises(ValidationError, match="no auxiliary decoder is left"):
        CCTSettings(name="cct", decoders=dict.fromkeys(KINDS, 0))


def test_the_background_must_be_a_class():
    assert objective("cct", background=CLASSES - 1)
    with pytest.raises(FewmaskError, match="background is 4, and the dataset has 4"):
        objective("cct", background=CLASSES)
