"""Mixing: everything that belongs to a pixel goes where the pixel goes."""

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from fewmask import IGNORE
from fewmask.data.augmentation.mixing import (
    Blend,
    Paste,
    boxes,
    draw_beta,
    draw_between,
    half_of_classes,
    partners,
)

SEEDS = st.integers(0, 10**6)
SHARES = st.floats(0, 1)


@given(count=st.integers(2, 9))
def test_the_partner_is_another_image_and_every_image_is_one(count: int):
    own = torch.arange(count)
    assert (partners(own) != own).all()
    assert sorted(partners(own).tolist()) == own.tolist()


@given(seed=SEEDS, count=st.integers(2, 5), area=SHARES, height=st.integers(1, 40))
def test_a_pasted_box_brings_all_that_belongs_to_its_pixels(seed, count, area, height):
    torch.manual_seed(seed)
    size = (height, 24)
    paste = Paste(boxes(torch.full((count,), area), (0.3, 3.0), size))
    image = torch.rand(count, 3, *size)
    mask = torch.randint(0, 256, (count, *size))
    inside = torch.rand(count, 1, *size) < 0.5
    confidence = torch.rand(count, *size)
    changed = [paste(one) for one in (image, mask, inside, confidence)]
    for n in range(count):
        for y in range(0, height, 3):
            for x in range(0, 24, 3):
                source = n - 1 if paste.pasted[n, y, x] else n
                assert torch.equal(changed[0][n, :, y, x], image[source, :, y, x])
                assert changed[1][n, y, x] == mask[source, y, x]
                assert changed[2][n, 0, y, x] == inside[source, 0, y, x]
                assert changed[3][n, y, x] == confidence[source, y, x]


@example(seed=0, area=0.01171875, aspect=(0.25, 1.0), height=8, width=8)
@given(
    seed=SEEDS,
    area=SHARES,
    aspect=st.tuples(st.floats(0.1, 1), st.floats(1, 10)),
    height=st.integers(8, 60),
    width=st.integers(8, 60),
)
def test_a_box_is_one_rectangle_of_the_area_inside_the_image(seed, area, aspect, height, width):
    torch.manual_seed(seed)
    for found in boxes(torch.full((4,), area), aspect, (height, width)):
        if not found.any():  # a side of less than half a pixel
            longest = max(aspect[1] * height / width, width / height / aspect[0])
            assert area * height * width <= 0.25 * longest * (1 + 1e-5)
            continue
        rows, columns = found.any(1), found.any(0)
        assert found.sum() == rows.sum() * columns.sum(), "a rectangle"
        for line in (rows, columns):
            index = line.nonzero()[:, 0].tolist()
            assert index == list(range(len(line)))[index[0] : index[-1] + 1]
        # Each side is rounded to whole pixels.
        sides = rows.sum().item(), columns.sum().item()
        assert abs(found.sum().item() - area * height * width) <= 0.5 * (sum(sides) + 1)


def test_aspects_lie_in_their_range_and_all_places_are_taken():
    found = boxes(torch.full((2000,), 0.16), (0.5, 2.0), (50, 50))
    height, width = found.any(2).sum(1).double(), found.any(1).sum(1).double()
    ratio = height / width
    assert ratio.min() > 0.45
    assert ratio.max() < 2.2
    assert abs(ratio.log().mean()) < 0.03, "as many upright boxes as flat ones"
    often = found.double().mean(0)
    assert (often > 0).double().mean() > 0.99
    torch.testing.assert_close(often, often.flip(0), atol=0.05, rtol=0)
    torch.testing.assert_close(often, often.T, atol=0.05, rtol=0)


def test_an_area_of_0_pastes_nothing_and_of_1_everything():
    assert not boxes(torch.zeros(3), (0.3, 3), (16, 16)).any()
    assert boxes(torch.ones(3), (0.3, 3), (16, 20)).all()


@given(seed=SEEDS, classes=st.integers(1, 6))
def test_half_of_the_classes_of_each_image_are_chosen_whole(seed: int, classes: int):
    torch.manual_seed(seed)
    masks = torch.randint(0, classes, (4, 8, 8))
    masks[0] = masks[0, 0, 0]
    masks[1, :3] = IGNORE
    masks[2] = IGNORE
    chosen = half_of_classes(masks, classes)
    for mask, one in zip(masks, chosen, strict=True):
        present = set(mask.unique().tolist()) - {IGNORE}
        taken = set(mask[one].unique().tolist())
        assert len(taken) == len(present) // 2
        assert taken <= present
        for name in taken:
            assert one[mask == name].all(), "a class is chosen as a whole"


def test_every_class_is_chosen_equally_often():
    masks = torch.arange(4).repeat(3000, 4, 1)
    often = half_of_classes(masks, 5).double().mean((0, 1))
    torch.testing.assert_close(often, torch.full((4,), 0.5).double(), atol=0.03, rtol=0)


def test_a_blend_is_a_weighted_mean_with_the_partner():
    batch = torch.rand(3, 2, 4, 4)
    blended = Blend(torch.tensor([0.0, 0.25, 1.0]))(batch)
    torch.testing.assert_close(blended[0], batch[0])
    torch.testing.assert_close(blended[1], 0.75 * batch[1] + 0.25 * batch[0])
    torch.testing.assert_close(blended[2], batch[1])


@pytest.mark.parametrize(("first", "second"), [(0.1, 0.1), (4.0, 4.0), (8.0, 2.0)])
def test_beta_has_its_mean_and_variance(first: float, second: float):
    drawn = draw_beta(first, second, 40_000).double()
    assert ((drawn >= 0) & (drawn <= 1)).all()
    mean = first / (first + second)
    variance = mean * (1 - mean) / (first + second + 1)
    assert drawn.mean().item() == pytest.approx(mean, abs=0.01)
    assert drawn.std().item() == pytest.approx(math.sqrt(variance), abs=0.01)


def test_between_is_between():
    drawn = draw_between((0.2, 0.4), 5000)
    assert drawn.min() >= 0.2
    assert drawn.max() <= 0.4
    assert drawn.mean().item() == pytest.approx(0.3, abs=0.01)
