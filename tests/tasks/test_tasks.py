"""Tasks agree with themselves: truth that is moved, heads, losses, errors and colours."""

import numpy as np
import pytest
import torch

from fewmask.config.augmentation import Augmentation
from fewmask.config.task import load, names
from fewmask.data.augmentation.weak import Change
from fewmask.data.rendered.scenes import render

FURTHER = ["depth", "height", "normal"]


def truth_of(task):
    """The truth of a rendered room as a batch has it, (1, H, W) or (1, C, H, W)."""
    values = torch.from_numpy(render(0, 0, 32, 32).truth[task.field])
    return (values.permute(2, 0, 1) if task.channels else values)[None]


def test_every_task_is_found_by_its_name():
    assert names() == ("depth", "height", "normal", "segmentation")
    assert [load(name).name for name in names()] == list(names())


@pytest.mark.parametrize("name", FURTHER)
def test_what_an_augmentation_moves_in_from_outside_is_not_known(name):
    task, image = load(name), torch.zeros(1, 3, 32, 32)
    torch.manual_seed(0)
    change = Change.draw(Augmentation(scale=(0.5, 0.5), flip=0), image)
    moved = task.warped(change.warp, truth_of(task))
    unknown = (moved == task.unknown).all(1) if task.channels else moved == task.unknown
    assert unknown.float().mean() == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize("name", FURTHER)
def test_a_perfect_prediction_has_no_error(name):
    task = load(name)
    truth = truth_of(task)
    if task.channels:
        truth[:, :, :4] = task.unknown
    else:
        truth[:, :4] = task.unknown
    total, count = task.error({name: truth}, truth, task.settings())
    assert float(total) == pytest.approx(0, abs=1e-3)
    assert int(count) == 28 * 32
    errors = task.errors()
    errors.add(truth, truth)
    assert errors.scores()[task.judged_by] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("name", FURTHER)
def test_truth_is_drawn_as_colours(name):
    values = render(0, 0, 32, 32).truth[name]
    colours = load(name).colours(values, values)
    assert (colours.shape, colours.dtype) == ((32, 32, 3), np.uint8)
    assert colours.std() > 5


def test_heights_are_those_of_the_room():
    scene = render(0, 0, 48, 48)
    floor = scene.mask == 1
    assert scene.height[floor].max() < 1e-5
    assert scene.height[~floor].min() >= 0
    assert scene.height.max() > 0.3


def test_a_height_is_smaller_where_a_room_is_shown_larger():
    task, image = load("height"), torch.zeros(1, 3, 32, 32)
    change = Change.draw(Augmentation(scale=(2, 2), flip=0), image)
    truth = torch.full((1, 32, 32), 1.0)
    assert torch.allclose(task.warped(change.warp, truth), torch.tensor(0.5))
