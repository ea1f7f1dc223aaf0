"""Values of images of any channels, from the store to [0, 1], by training images alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fewmask.config.named import load_dataset, names_in
from fewmask.core.errors import FewmaskError
from fewmask.data.batches import Images, as_batch
from fewmask.data.preparation.rows import Row
from fewmask.data.scaling import Scaling, scaling_of, shown_images
from fewmask.data.store.store import Store
from fewmask.data.store.writer import StoreWriter
from fewmask.training.inputs import Inputs
from tests.data.making import reading

EXTENT = (12, 9)


def store_of(path: Path, images: np.ndarray, **settings: object) -> Store:
    """A store of images, (N, 16, 16, C), of which a part is padding."""
    settings_json = reading(**{"channels": images.shape[3]} | settings)
    with StoreWriter(path, settings_json) as writer:
        for i, image in enumerate(images):
            mask = np.zeros((16, 16), np.uint8)
            writer.append(Row(str(i), "", EXTENT, EXTENT, image, {"mask": mask}))
    return Store(path)


def random_images(kind: str = "uint16", channels: int = 6) -> np.ndarray:
    """Six images, the last two of which have far larger values."""
    values = np.random.default_rng(0).gamma(2, 900, (6, 16, 16, channels))
    values[4:] *= 10
    return values.clip(0, 65_535).astype(kind)


def inside(images: np.ndarray) -> np.ndarray:
    """The values of pixels, (n, C), without padding."""
    return images[:, : EXTENT[0], : EXTENT[1]].reshape(-1, images.shape[3])


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_batches_are_scaled_by_the_percentiles_of_the_training_images(tmp_path: Path, kind: str):
    images = random_images(kind)
    with store_of(tmp_path / "mine.h5", images) as store:
        scaling = scaling_of(store, np.arange(4))
        low, high = np.percentile(inside(images[:4]).astype(np.float64), (1, 99), axis=0)
        expected = ((images - low) / (high - low)).clip(0, 1).transpose(0, 3, 1, 2)
        for residence in ("memory", "file"):
            batches = Images(store, np.arange(6), torch.device("cpu"), scaling=scaling)
            batches.residence = residence
            batch = batches.batch(np.arange(6))
            torch.testing.assert_close(batch.image, torch.from_numpy(expected).float())
            assert not batch.is_rgb
            again = batches.batch(np.arange(6)).image
            assert torch.equal(again, batch.image), "what is kept stays as it is"
    of_no_store = as_batch(images, np.array([EXTENT] * 6), torch.device("cpu"), scaling)
    assert torch.equal(of_no_store.image, batch.image)
    np.testing.assert_allclose(scaling(images).transpose(0, 3, 1, 2), expected, atol=1e-5)


def test_mean_and_deviation_become_those_that_encoders_know(tmp_path: Path):
    images = random_images("float32", 2)
    with store_of(tmp_path / "mine.h5", images, normalisation="mean_std") as store:
        scaling = scaling_of(store, np.arange(4))
    values = inside(images[:4])
    assert scaling(values.mean(axis=0)) == pytest.approx([0.449] * 2, abs=1e-4)
    above = scaling(values.mean(axis=0) + values.std(axis=0))
    assert above == pytest.approx([0.449 + 0.226] * 2, abs=1e-4)


def test_the_range_of_the_type(tmp_path: Path):
    with store_of(tmp_path / "a.h5", random_images(), normalisation="encoder") as store:
        assert scaling_of(store, np.arange(4)) == Scaling(low=(0.0,) * 6, high=(65_535.0,) * 6)
    floats = random_images("float32")
    with (
        store_of(tmp_path / "b.h5", floats, normalisation="encoder") as store,
        pytest.raises(FewmaskError, match="images are floats, of no known range"),
    ):
        scaling_of(store, np.arange(4))


def test_a_constant_channel(tmp_path: Path):
    with store_of(tmp_path / "a.h5", np.full((2, 16, 16, 1), 7, np.uint16)) as store:
        scaling = scaling_of(store, np.arange(2))
    assert scaling(np.full((1, 1, 1, 1), 7)) == 0


def test_validation_and_test_images_change_nothing(rooms_in_bands: Path, rooms_split: Path):
    with Store(rooms_in_bands) as store:
        training = store.read("image", np.arange(20)).reshape(-1, 6)
        low, high = np.percentile(training, (1, 99), axis=0)
        scaling = Inputs(rooms_in_bands, rooms_split).scaling(store)
    assert scaling.low == pytest.approx(low)
    assert scaling.high == pytest.approx(high)


def test_figures_show_the_channels_that_are_named(tmp_path: Path):
    images = random_images()
    with store_of(tmp_path / "a.h5", images, show=[5, 1, 2]) as store:
        scaling = scaling_of(store, np.arange(4))
        shown = shown_images(store, [1, 4], scaling)
        assert shown.dtype == np.uint8
        assert np.array_equal(shown, np.rint(255 * scaling(images[[1, 4]])[..., [4, 0, 1]]))
    with store_of(tmp_path / "b.h5", images[..., :1], channels="grey") as store:
        shown = shown_images(store, [1])
        assert (shown == shown[..., :1]).all()
        assert shown.min() == 0
        assert shown.max() == 255


def test_images_of_another_type_are_refused(tmp_path: Path):
    mask = {"mask": np.zeros((16, 16), np.uint8)}
    first, second = (
        Row(kind, "", EXTENT, EXTENT, np.zeros((16, 16, 6), kind), mask)
        for kind in ("uint16", "float32")
    )
    with StoreWriter(tmp_path / "a.h5", reading(channels=6)) as writer:
        writer.append(first)
        expected = r"float32: image: found float32, .*\n  expected: uint16, .*, as in uint16"
        with pytest.raises(FewmaskError, match=expected):
            writer.append(second)


def test_datasets_of_colours_are_what_they_were(rooms: Path):
    """Nothing that is older than other channels changes its settings, digests and values."""
    for name in names_in("datasets"):
        settings = load_dataset(name).model_dump(mode="json")
        assert settings.keys().isdisjoint({"channels", "normalisation", "show"})
    with Store(rooms) as store:
        assert "channels" not in json.loads(store.settings)
        assert scaling_of(store, np.arange(3)) is None
        images = store.read("image", np.arange(3))
        batch = Images(store, np.arange(3), torch.device("cpu")).batch(np.arange(3))
        assert torch.equal(batch.image, torch.from_numpy(images).permute(0, 3, 1, 2) / 255)
        assert batch.is_rgb
        assert np.array_equal(shown_images(store, np.arange(3)), images)
