"""Predictions for volumes are volumes, slice by slice those of images."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from fewmask.core.paths import WEIGHTS
from fewmask.inference.predict import predict
from fewmask.networks.weights import load_weights, read_description, save_weights
from tests.data.readers.volumes import save_volume

AFFINE = np.array([[0, 0, -2.0, 7], [-2, 0, 0, 5], [0, 3, 0, 1], [0, 0, 0, 1]])
"""Of a file whose axes run to the back, upwards and to the left."""
SETTINGS = {
    "reader": {"name": "nifti", "images": "*.nii.gz", "masks": None, "slices": "coronal"},
    "root": "mine",
}


@pytest.mark.parametrize("shape", [{}, {"tiles": {"size": 32, "overlap": 8}}])
def test_masks_are_volumes_at_the_same_place(bands_weights: Path, tmp_path: Path, shape: dict):
    description = read_description(bands_weights).record
    description["dataset"] |= shape
    slices, volumes = (tmp_path / kind / WEIGHTS for kind in ("slices", "volumes"))
    save_weights(slices, load_weights(bands_weights), description)
    description["dataset"] |= SETTINGS
    save_weights(volumes, load_weights(bands_weights), description)

    voxels = np.random.default_rng(0).integers(0, 2**16, (4, 36, 50, 6), np.uint16)
    save_volume(tmp_path / "in/brain.nii.gz", voxels, AFFINE)
    (tmp_path / "in/damaged.nii.gz").write_bytes(b"")
    predict(volumes, tmp_path / "in", tmp_path / "out")
    found = nibabel.load(tmp_path / "out/masks/brain.nii.gz")
    assert (found.shape, found.get_data_dtype()) == ((4, 36, 50), np.uint8)
    np.testing.assert_allclose(found.affine, AFFINE)

    # Superior at the top, right at the right: the second axis runs upwards, the third to the left.
    (tmp_path / "images").mkdir()
    for i in range(4):
        np.save(tmp_path / f"images/{i}.npy", voxels[i, ::-1, ::-1])
    predict(slices, tmp_path / "images", tmp_path / "expected")
    for i in range(4):
        expected = np.asarray(Image.open(tmp_path / f"expected/masks/{i}.png"))
        assert np.array_equal(np.asarray(found.dataobj)[i, ::-1, ::-1], expected)
