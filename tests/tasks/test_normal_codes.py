"""Codes of normals: directions spread over all that a camera sees, and the way there and back."""

from math import acos

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize, one_hot

from fewmask import IGNORE
from fewmask.data.rendered.scenes import render
from fewmask.tasks.normal.codes import mean_of_codes, nearest_code, spread

COUNTS = [4, 10, 40, 255]


def radius(count: int) -> float:
    """That of a cap with as much area as a code has on average."""
    return acos(1 - 1 / count)


def visible(count: int) -> torch.Tensor:
    """Random directions towards the camera, (count, 3), evenly distributed."""
    found = normalize(torch.randn(count, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    found[:, 2] = -found[:, 2].abs()
    return found


@pytest.mark.parametrize("count", COUNTS)
def test_they_are_spread_evenly_over_what_faces_the_camera(count: int):
    codes = spread(count)
    assert codes.shape == (count, 3)
    assert torch.allclose(codes.norm(dim=1), torch.ones(count))
    assert (codes[:, 2] < 0).all()
    cosine, nearest = (visible(50_000) @ codes.T).max(dim=1)
    assert cosine.clamp(max=1).acos().max() < 2 * radius(count)
    shares = torch.bincount(nearest, minlength=count) / len(nearest)
    assert 0.5 / count < shares.min() <= shares.max() < 1.5 / count


def test_normals_of_rooms_are_near_a_code():
    """Some are turned a little away from the camera's axis: nearly all are not."""
    normals = np.concatenate([render(0, i, 32, 32).normal.reshape(-1, 3) for i in range(10)])
    assert (normals[:, 2] < 0).mean() > 0.95
    cosine = (normals @ spread(40).numpy().T).max(axis=1)
    assert np.percentile(np.arccos(cosine.clip(max=1)), 99) < 2 * radius(40)


@pytest.mark.parametrize("count", COUNTS)
def test_a_code_that_is_certain_is_predicted_as_it_is(count: int):
    every = torch.arange(count)
    predicted = mean_of_codes(100.0 * one_hot(every).T[None, :, None].float())
    assert predicted.shape == (1, 3, 1, count)
    assert torch.allclose(predicted[0, :, 0].T, spread(count), atol=1e-6)
    assert torch.equal(nearest_code(predicted, count)[0, 0], every)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e3])
def test_unit_vectors_are_predicted_whatever_the_logits(scale: float):
    logits = (scale * torch.randn(2, 40, 6, 7)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        predicted = mean_of_codes(logits)
    assert predicted.dtype == torch.float32
    assert torch.allclose(predicted.norm(dim=1), torch.ones(2, 6, 7), atol=1e-5)


def test_the_nearest_is_that_of_a_loop_also_with_autocast():
    normals = normalize(torch.randn(2, 3, 4, 5), dim=1)
    normals[1, :, 2] = 0
    with torch.autocast("cpu", torch.bfloat16):
        found = nearest_code(normals, 40)
    for n, y, x in np.ndindex(2, 4, 5):
        one = normals[n, :, y, x].double().numpy()
        angles = [np.arccos(one @ code) for code in spread(40).double().numpy()]
        assert found[n, y, x] == (np.argmin(angles) if one.any() else IGNORE)
