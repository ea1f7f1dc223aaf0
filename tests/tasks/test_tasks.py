"""Tasks agree with themselves: truth that is moved, heads, losses, errors and colours."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from fewmask.config.augmentation import Augmentation
from fewmask.config.task import load, names
from fewmask.data.augmentation.weak import Change
from fewmask.data.rendered.scenes import render
from fewmask.tasks.normal.codes import spread

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


@pytest.mark.parametrize("name", names())
def test_an_image_of_which_nothing_is_known_counts_nowhere(name):
    task = load(name)
    nothing = task.nothing_known((4, 6))
    assert nothing.shape[:2] == (4, 6)
    assert nothing.nbytes == 4 * 6 * task.bytes_per_pixel
    task.check(nothing, 2)
    truth = torch.from_numpy(np.moveaxis(nothing, -1, 0) if task.channels else nothing)[None]
    truth = truth.long() if nothing.dtype == np.uint8 else truth
    predicted = torch.zeros(1, task.head_channels(task.settings(), 2), 4, 6)
    _, count = task.error(task.output(predicted), truth, task.settings())
    assert int(count) == 0


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


@pytest.mark.parametrize("name", FURTHER)
def test_what_is_viewed_of_a_prediction_is_its_colours(name):
    task, room = load(name), render(0, 0, 24, 32)
    values = room.truth[name].copy()
    values[:4] = task.unknown
    viewed = task.view(values, room.image, np.zeros((0, 3), np.uint8))
    assert task.files == {name: ".npy", f"{name}_colours": ".png"}
    colours = np.asarray(Image.open(BytesIO(viewed)))
    assert np.array_equal(colours, task.colours(values, values))
    assert set(np.unique(colours[:4])) == {200, 240}  # stripes


def maps(*values: float) -> torch.Tensor:
    """What a head returns for one pixel."""
    return torch.tensor(values).view(1, -1, 1, 1)


def test_the_mean_of_distances_is_arithmetic():
    for name in ("depth", "height"):
        task = load(name)
        mean = task.mean([task.output(maps(metres)) for metres in (1.0, 2.0, 6.0)])
        assert mean[name].tolist() == [[[3.0]]]


def test_the_mean_of_normals_is_a_unit_vector():
    task = load("normal")
    outputs = [task.output(maps(*vector)) for vector in ((5.0, 0.0, 0.0), (0.0, 0.0, -2.0))]
    mean = task.mean(outputs)["normal"].flatten()
    assert mean.tolist() == pytest.approx([0.5**0.5, 0, -(0.5**0.5)])


def test_the_mean_of_codes_is_that_of_their_probabilities():
    task, logits = load("normal"), ((0.0, 3.0, 0.0, -1.0, 0.5), (2.0, 0.0, 0.0, 0.0, 0.0))
    mean = task.mean([task.output(maps(*one)) for one in logits])
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = shares.mean(axis=0) @ spread(5).double().numpy()
    expected /= np.linalg.norm(expected)
    assert mean["normal"].flatten().tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    found = mean["normal_logits"].softmax(1).flatten()
    assert found.tolist() == pytest.approx(shares.mean(axis=0).tolist())


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
