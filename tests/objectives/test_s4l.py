"""S4L, recomputed pixel by pixel from its formulas."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.objectives.objective import Objective
from tests.objectives.consistency.making import (
    Batches,
    batches,
    labelled_cross_entropy,
    objective,
    softmax,
)

SOURCES = pytest.mark.parametrize("source", ["logits", "features"])


class Passes:
    """What the network was given in a pass, and what it and the second head returned."""

    def __init__(self, one: Objective) -> None:
        self._predict = one._predict
        one._predict = self._keep

    def _keep(self, image: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        found = self._predict(image, inside)
        self.image, self.inside = image, inside
        self.logits, self.of_rotations = (one.detach().double() for one in found)
        return found


def turned(square: Tensor, angles: int) -> Tensor:
    """(..., S, S), pixel by pixel: what was on the right is on top, so many times."""
    for _ in range(angles):
        before, square = square, torch.empty_like(square)
        side = square.shape[-1]
        for y, x in np.ndindex(side, side):
            square[..., y, x] = before[..., x, side - 1 - y]
    return square


def angles_of(image: Tensor, before: Tensor) -> int:
    """By how many right angles an image was turned."""
    found = [k for k in range(4) if torch.equal(image, turned(before, k))]
    assert len(found) == 1
    return found[0]


def wide(drawn: Batches) -> Batches:
    """Images twice as wide, with other pixels on the right."""

    def wider(one: Tensor) -> Tensor:
        return torch.cat([one, one.flip(-1, -2)], dim=-1)

    return {
        role: replace(
            batch,
            image=wider(batch.image),
            inside=wider(batch.inside),
            truth={name: wider(one) for name, one in batch.truth.items()},
        )
        for role, batch in drawn.items()
    }


@SOURCES
def test_masks_and_rotations_are_learnt_of_every_image_and_of_its_rotated_copy(source: str):
    one, drawn = objective("s4l", rotation_from=source), batches()
    seen = Passes(one)
    losses = one.losses(drawn, 0)
    image = torch.cat([drawn[role].image for role in ("labelled", "unlabelled")])
    inside = torch.cat([drawn[role].inside for role in ("labelled", "unlabelled")])
    mask = drawn["labelled"].mask
    assert torch.equal(seen.image[:5], image)
    angles = [angles_of(seen.image[5 + n], image[n]) for n in range(5)]
    assert 0 not in angles
    for n, k in enumerate(angles):
        assert torch.equal(seen.inside[5 + n], turned(inside[n], k))
    assert losses["cross_entropy"].item() == pytest.approx(
        labelled_cross_entropy(seen.logits[:2], mask), rel=1e-5
    )
    turned_mask = torch.stack([turned(mask[n], angles[n]) for n in range(2)])
    assert losses["rotated_cross_entropy"].item() == pytest.approx(
        labelled_cross_entropy(seen.logits[5:7], turned_mask), rel=1e-5
    )
    total = 0.0
    for scores, truth in zip(seen.of_rotations.tolist(), [0] * 5 + angles, strict=True):
        total -= float(np.log(softmax(scores)[truth]))
    assert losses["rotation"].item() == pytest.approx(total / 10, rel=1e-5)


@SOURCES
def test_the_rotation_is_learnt_through_what_it_is_predicted_from(source: str):
    one = objective("s4l", rotation_from=source)
    one.losses(batches(), 0)["rotation"].backward()
    is_learnt = {
        part: any(p.grad is not None for p in getattr(one.network, part).parameters())
        for part in ("encoder", "decoder", "segmentation_head")
    }
    is_from_logits = source == "logits"
    assert is_learnt == {
        "encoder": True, "decoder": is_from_logits, "segmentation_head": is_from_logits
    }  # fmt: skip
    assert one.result is one.network, "which has no second head"


def test_of_wide_images_a_square_is_used():
    one, drawn = objective("s4l"), wide(batches())
    seen = Passes(one)
    places = set()
    for _ in range(20):
        losses = one.losses(drawn, 0)
        assert seen.image.shape == (10, 3, 16, 16)
        labelled = drawn["labelled"]
        [left] = [
            x for x in range(17) if torch.equal(seen.image[:2], labelled.image[..., x : x + 16])
        ]
        mask = labelled.mask[..., left : left + 16]
        expected = labelled_cross_entropy(seen.logits[:2], mask)
        assert losses["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
        places.add(left)
    assert len(places) > 5


def test_all_rotations_are_as_frequent():
    one, drawn = objective("s4l"), batches()
    seen = Passes(one)
    counts = np.zeros(4)
    image = torch.cat([drawn[role].image for role in ("labelled", "unlabelled")])
    for _ in range(30):
        one.losses(drawn, 0)
        for n in range(5):
            counts[angles_of(seen.image[5 + n], image[n])] += 1
    assert counts[0] == 0
    assert counts[1:].min() > 30  # of 50


def test_without_masks_only_the_rotations_are_learnt():
    one, drawn = objective("s4l"), batches()
    drawn["labelled"].mask.fill_(IGNORE)
    losses = one.losses(drawn, 0)
    sum(losses.values()).backward()
    assert losses["cross_entropy"].item() == losses["rotated_cross_entropy"].item() == 0
    assert losses["rotation"].item() > 0
    assert all(p.grad is None or p.grad.isfinite().all() for p in one.parameters())
