"""Batches: which images, what of them, and that it does not matter where they are kept."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fewmask.data import batches
from fewmask.data.batches import Draws, Images, as_batch
from fewmask.data.store.store import Store

CPU = torch.device("cpu")


@pytest.fixture
def images(rooms: Path) -> Images:
    return Images(Store(rooms), np.arange(20), CPU, ["segmentation"])


def test_a_batch_holds_what_the_store_holds(rooms: Path, images: Images):
    rows = np.array([7, 3, 7, 19])
    batch = images.batch(rows)
    with Store(rooms) as store:
        images, masks = store.read("image", rows), store.read("mask", rows)
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal((batch.image * 255).round().byte().permute(0, 2, 3, 1), torch.tensor(images))
    assert torch.equal(batch.mask, torch.tensor(masks).long())
    assert batch.inside.shape == (4, 1, 32, 32)
    assert batch.inside.min() == 1


def test_the_inside_is_the_part_that_is_image():
    images = np.zeros((2, 6, 8, 3), np.uint8)
    batch = as_batch(images, np.array([[6, 8], [4, 5]]), CPU)
    assert batch.inside[0].sum() == 48
    assert batch.inside[1].sum() == 20
    assert batch.inside[1, 0, 3, 4] == 1
    assert batch.inside[1, 0, 4, 4] == batch.inside[1, 0, 3, 5] == 0


def test_images_that_do_not_fit_in_memory_are_read_from_the_file(
    rooms: Path, images: Images, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batches, "_residence", lambda size, device: "file")
    read_through = Images(Store(rooms), np.arange(20), CPU, ["segmentation"])
    assert (images.residence, read_through.residence) == ("memory", "file")
    assert_the_same_batches(images, read_through)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("residence", ["device", "memory", "file"])
def test_a_gpu_gets_the_same_from_wherever_images_are(
    rooms: Path, images: Images, monkeypatch: pytest.MonkeyPatch, residence: str
):
    monkeypatch.setattr(batches, "_residence", lambda size, device: residence)
    on_gpu = Images(Store(rooms), np.arange(20), torch.device("cuda", 0), ["segmentation"])
    assert on_gpu.is_at_hand == (residence == "device")
    assert_the_same_batches(images, on_gpu)


def assert_the_same_batches(images: Images, others: Images) -> None:
    rows, sizes = {"labelled": np.arange(12), "all": np.arange(20)}, {"labelled": 5, "all": 3}
    one, other = (Draws(each, rows, sizes, seed=3) for each in (images, others))
    for step in (0, 1, 2, 7, 8, 4):  # in order, with a jump ahead and one back
        for role in sizes:
            expected, found = one.at(step)[role], other.at(step)[role]
            assert np.array_equal(expected.rows, found.rows)
            assert torch.equal(expected.image, found.image.cpu())
            if role == "labelled":
                assert torch.equal(expected.mask, found.mask.cpu())


def test_masks_that_must_not_be_seen_are_not_there(images: Images):
    rows = {"labelled": np.arange(5), "unlabelled": np.arange(5, 20), "all": np.arange(20)}
    drawn = Draws(images, rows, {"labelled": 2, "unlabelled": 3, "all": 4}, seed=0).at(0)
    assert drawn["labelled"].mask is not None
    assert drawn["unlabelled"].mask is None
    assert drawn["all"].mask is None


@given(
    count=st.integers(1, 20),
    size=st.integers(1, 50),
    seed=st.integers(0, 5),
    steps=st.integers(1, 12),
)
def test_every_epoch_holds_every_image_once(rooms, count: int, size: int, seed: int, steps: int):
    draws = Draws(Images(Store(rooms), np.arange(20), CPU), {"all": np.arange(count)},
                  {"all": size}, seed)  # fmt: skip
    drawn = np.concatenate([draws.rows_at("all", step) for step in range(steps)])
    assert len(drawn) == size * steps
    whole = len(drawn) // count * count
    for epoch in drawn[:whole].reshape(-1, count):
        assert sorted(epoch) == list(range(count))


def test_what_a_step_draws_depends_on_seed_and_step_alone(images: Images):
    rows, sizes = {"all": np.arange(20)}, {"all": 7}
    forward = [Draws(images, rows, sizes, 1).rows_at("all", step).tolist() for step in range(9)]
    draws = Draws(images, rows, sizes, 1)
    backward = [draws.rows_at("all", step).tolist() for step in reversed(range(9))][::-1]
    assert forward == backward
    assert Draws(images, rows, sizes, 2).rows_at("all", 0).tolist() != forward[0]
