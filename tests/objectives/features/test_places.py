"""Places of feature maps that are left out, on cases worked out by hand."""

import torch
from torch import Tensor

from fewmask.objectives.features.places import (
    Predicted,
    only,
    without_boxes,
    without_most_active,
)

CLASSES = torch.zeros(1, 8, 8, dtype=torch.int64)
CLASSES[:, 2:6] = 1  # rows from 1/4 to 3/4, all columns
CLASSES[:, 0, 6:] = 2  # the corner above on the right, which no centre of a place of 4 x 4 hits


def seen(background: int) -> Predicted:
    return Predicted(CLASSES, torch.tensor([background]), 4)


def left(predicted: Predicted, share: float, place: float) -> list[list[int]]:
    places = torch.full((1, 4, 2), place)
    [found] = without_boxes([torch.ones(1, 1, 4, 4)], predicted, share, places)
    return found[0, 0].int().tolist()


def test_boxes_lie_in_the_bounding_boxes_of_objects():
    assert left(seen(0), 0.5, 0.0) == [[1, 1, 1, 1], [0, 0, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert left(seen(0), 0.5, 1.0) == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 1]]
    assert left(seen(0), 1.0, 0.0) == [[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]
    assert left(seen(0), 0.0, 0.0) == [[1] * 4] * 4


def test_there_is_no_box_in_the_background_and_none_for_an_absent_class():
    # Of the classes 0, 2 and the absent 3 a whole box is left out; 0 reaches all borders.
    assert left(seen(1), 1.0, 0.0) == [[0] * 4] * 4
    whole = Predicted(torch.ones_like(CLASSES), torch.tensor([1]), 4)
    assert left(whole, 1.0, 0.0) == [[1] * 4] * 4


def test_the_background_is_given_or_what_most_of_an_image_shows():
    logits = torch.zeros(2, 3, 4, 4)
    logits[0, 1], logits[1, 2] = 5, 5
    logits[1, 0, :, 2:] = 9
    inside = torch.ones(2, 1, 4, 4)
    inside[1, :, :, 2:] = 0
    assert Predicted.of(logits, inside, None).background.tolist() == [1, 2]
    found = Predicted.of(logits, inside, 0)
    assert found.background.tolist() == [0, 0]
    assert found.foreground[0].all()
    assert found.foreground[1].int().tolist() == [[1, 1, 0, 0]] * 4


def test_only_what_is_kept_is_not_zero():
    kept = torch.zeros(1, 4, 4, dtype=torch.bool)
    kept[:, :2] = True
    maps = [torch.full((1, 2, size, size), 3.0) for size in (4, 2)]
    for one, found in zip(maps, only(maps, kept), strict=True):
        half = one.shape[2] // 2
        assert (found[:, :, :half] == 3).all()
        assert not found[:, :, half:].any()


def test_the_most_active_places_are_left_out_image_by_image():
    one = torch.rand(2, 5, 6, 6)
    shares = torch.tensor([0.6, 0.9])
    [found] = without_most_active([one], shares)
    for n in range(2):
        activity: Tensor = one[n].sum(0) / 5
        for y in range(6):
            for x in range(6):
                is_left_out = activity[y, x] >= shares[n] * activity.max()
                expected = torch.zeros(5) if is_left_out else one[n, :, y, x]
                assert torch.equal(found[n, :, y, x], expected)
    assert (found[0] == 0).sum() > (found[1] == 0).sum() > 0
