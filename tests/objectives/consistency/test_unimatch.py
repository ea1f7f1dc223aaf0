"""UniMatch and UniMatch V2, recomputed pixel by pixel from their formulas."""

import pytest
import torch

from fewmask.core.errors import FewmaskError
from fewmask.objectives.features.channels import complementary, dropped
from tests.objectives.consistency.making import (
    STILL,
    Seen,
    batches,
    labelled_cross_entropy,
    objective,
    recomputed,
    taught_logits,
)

EMA = {"teacher_decay": 0.99, "result": "teacher"}


@pytest.mark.parametrize("threshold", [0, 0.5, 1])
@pytest.mark.parametrize("teacher", [{}, EMA], ids=["student", "teacher"])
def test_the_losses_of_unimatch_are_their_formulas(threshold: float, teacher: dict):
    one = objective("unimatch", colours=STILL, confidence={"threshold": threshold}, **teacher)
    drawn, seen = batches(), Seen(one)
    weak = drawn["unlabelled"]
    logits = taught_logits(one, weak)
    found = one.losses(drawn, 0)
    expected = labelled_cross_entropy(seen.logits[:2], drawn["labelled"].mask)
    assert found["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    first, second, of_weak = (
        recomputed(logits, weak, seen, start, one.options.confidence) for start in (2, 5, 8)
    )
    assert found["consistency"].item() == pytest.approx((first + second) / 2, rel=1e-5)
    assert found["feature_consistency"].item() == pytest.approx(of_weak, rel=1e-5)
    assert not torch.equal(seen.image[2:5], seen.image[5:8]), "each view has its own boxes"
    assert torch.equal(seen.image[8:], weak.image)


def test_only_the_weak_view_of_unimatch_has_features_dropped_at_two_maps():
    one = objective("unimatch")
    seen = Seen(one)
    one.losses(batches(), 0)
    assert set(seen.scales) == {2, 3}, "a quarter of the size, and the last of this encoder"
    for scale in seen.scales.values():
        assert (scale[:8] == 1).all()
        assert set(scale[8:].unique().tolist()) == {0, 2}


@pytest.mark.parametrize("threshold", [0, 0.5, 1])
def test_the_losses_of_unimatch_v2_are_their_formulas(threshold: float):
    one = objective("unimatch_v2", colours=STILL, confidence={"threshold": threshold})
    drawn, seen = batches(), Seen(one)
    weak = drawn["unlabelled"]
    logits = taught_logits(one, weak)
    found = one.losses(drawn, 0)
    expected = labelled_cross_entropy(seen.logits[:2], drawn["labelled"].mask)
    assert found["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    first, second = (
        recomputed(logits, weak, seen, start, one.options.confidence) for start in (2, 5)
    )
    assert found["consistency"].item() == pytest.approx((first + second) / 2, rel=1e-5)


def test_the_views_of_unimatch_v2_see_complementary_features():
    one = objective("unimatch_v2", dropout_share=0.7)
    seen = Seen(one)
    one.losses(batches(), 0)
    assert set(seen.scales) == {1, 2, 3}, "all maps but the image"
    divided = set()
    for scale in seen.scales.values():
        assert (scale[:2] == 1).all(), "labelled images keep all"
        first, second = scale[2:5], scale[5:]
        assert (first + second == 2).all()
        divided.add(tuple((first != 1).all(1).tolist()))
        assert ((first != 1).all(1) | (first == 1).all(1)).all(), "all channels or none"
    assert len(divided) == 1, "the same images at every map"
    assert sum(divided.pop()) == 2, "0.7 of 3 images, rounded down"


def test_scaled_features_are_what_the_decoder_gets():
    one = objective("unimatch", feature_dropout=0.5).eval()
    weak = batches()["unlabelled"]
    scales = dropped(one.channels, 3, 0.5)
    (found,) = one.scores(weak, scales=scales)
    features = one.network.features(weak.image, weak.inside)
    for index, scale in scales.items():
        for n in range(3):
            for channel in range(scale.shape[1]):
                features[index][n, channel] *= scale[n, channel]
    torch.testing.assert_close(found, one.network.scores(features))


def test_maps_of_one_width_drop_the_same_channels():
    first, second = complementary({1: 8, 2: 8, 3: 4}, 6, 1.0)
    assert torch.equal(first[1], first[2])
    assert torch.equal(second[1], 2 - first[2])
    assert first[3].shape == (6, 4)


def test_dropping_keeps_the_mean():
    scale = dropped({1: 1000}, 40, 0.25)[1]
    assert scale.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(dropped({1: 5}, 2, 0)[1], torch.ones(2, 5))


def test_a_map_that_there_is_not_is_refused():
    with pytest.raises(
        FewmaskError, match=r"dropped_maps names 4; tu-test_efficientnet has 4 feature maps"
    ):
        objective("unimatch", dropped_maps=[2, 4])
