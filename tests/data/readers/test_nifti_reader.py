"""NIfTI volumes: slices lie as a radiologist knows them, and masks that do not fit are refused."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.readers.reader import Reader, open_reader
from tests.data.making import noise, settings
from tests.data.readers.volumes import AFFINE, save_volume, write_volumes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_volumes(tmp_path / "mine", count=2, slices=12)
    return tmp_path / "mine"


def reader(root: Path, channels: str | int = "rgb", **options) -> Reader:
    given = {"images": "images/*.nii.gz", "masks": "masks/*.nii.gz", "window": [0, 1530]}
    chosen = settings(
        reader={"name": "nifti", **given, **options}, classes=["rest", "organ"], channels=channels
    )
    return open_reader(chosen, root.parent)


def test_slices_are_turned_to_the_patients_axes(root):
    opened = reader(root)
    items = opened.items()
    assert [item.name for item in items] == [f"v{v}/{i:02d}" for v in (1, 2) for i in range(12)]
    sample = opened.load(items[3])
    # The file runs to the left and to the back: rows are in its order, columns are reversed.
    x, y = np.meshgrid(np.arange(20)[::-1], np.arange(16))
    values = (10 * x + y + 300) / 1530 * 255
    assert sample.image.shape == (16, 20, 3)
    np.testing.assert_array_equal(sample.image[..., 0], values.round().astype(np.uint8))
    np.testing.assert_array_equal(sample.truth["mask"], x < 5)


@pytest.mark.parametrize(
    ("direction", "count", "shape"), [("coronal", 16, (12, 20)), ("sagittal", 20, (12, 16))]
)
def test_other_directions(root, direction, count, shape):
    opened = reader(root, slices=direction)
    items = opened.items()
    assert len(items) == 2 * count
    sample = opened.load(items[0])
    assert sample.image.shape[:2] == sample.truth["mask"].shape == shape
    assert sample.image[0].mean() > sample.image[-1].mean()  # superior is at the top


def test_orientation_of_the_file_does_not_matter(root):
    voxels = np.arange(20 * 16 * 12, dtype=np.int16).reshape(20, 16, 12)
    turned = AFFINE @ np.diag([-1.0, 1, 1, 1])
    turned[:, 3] = AFFINE @ [19, 0, 0, 1]
    save_volume(root / "images/v1.nii.gz", voxels)
    save_volume(root / "images/v2.nii.gz", voxels[::-1], turned)
    save_volume(root / "masks/v2.nii.gz", np.zeros((20, 16, 12), np.uint8), turned)
    opened = reader(root, window=None)
    first, *rest = opened.items()
    np.testing.assert_array_equal(opened.load(first).image, opened.load(rest[11]).image)


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [("uint8", "uint8"), ("uint16", "uint16"), (">u2", "uint16"), ("int16", "float32"),
     ("float32", "float32"), ("float64", "float32")],
)  # fmt: skip
def test_values_are_stored_as_they_are(root, dtype, stored):
    voxels = np.arange(20 * 16 * 12).reshape(20, 16, 12) % (200 if dtype == "uint8" else 60_000)
    save_volume(root / "images/v1.nii.gz", (voxels - (dtype == "int16") * 30_000).astype(dtype))
    opened = reader(root, channels="grey", window=None)
    image = opened.load(opened.items()[3]).image
    assert (image.shape, image.dtype.name) == ((16, 20, 1), stored)
    # The file runs to the left and to the back: columns are reversed, rows are as stored.
    expected = voxels[::-1, :, 3].T - (dtype == "int16") * 30_000
    np.testing.assert_array_equal(image[..., 0], expected.astype(stored))


def test_values_that_the_file_scales(root):
    voxels = np.arange(20 * 16 * 12, dtype=np.uint16).reshape(20, 16, 12)
    volume = nibabel.Nifti1Image(voxels, AFFINE)
    volume.header.set_slope_inter(0.5, -1000)
    nibabel.save(volume, root / "images/v1.nii.gz")
    opened = reader(root, channels="grey", window=[-900, 0])
    image = opened.load(opened.items()[0]).image
    assert image.dtype == np.float32
    expected = (voxels[::-1, :, 0].T / 2 - 1000).clip(-900, 0)
    np.testing.assert_array_equal(image[..., 0], expected)


def test_the_fourth_axis_is_channels(root):
    voxels = noise(20, 16, 12, 2)
    save_volume(root / "images/v1.nii.gz", voxels)
    opened = reader(root, channels=2, window=None)
    np.testing.assert_array_equal(
        opened.load(opened.items()[3]).image, voxels[::-1, :, 3].swapaxes(0, 1)
    )


def test_a_damaged_volume_is_left_out_like_an_image(root):
    (root / "images/v1.nii.gz").write_bytes(b"")
    opened = reader(root)
    first, *rest = opened.items()
    with pytest.raises(ImageError, match=r"v1\.nii\.gz: found damaged data"):
        opened.load(first)
    assert [item.name for item in rest] == [f"v2/{i:02d}" for i in range(12)]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: (root / "images/v1.nii.gz").write_bytes(b"\x1f\x8b"), "v1.nii.gz: found dam"),
        (lambda root: save_volume(root / "masks/v1.nii.gz", np.zeros((3, 3, 3), np.uint8)),
         r"a mask of \(3, 3, 3\) voxels"),
        (lambda root: save_volume(root / "masks/v1.nii.gz", np.zeros((20, 16, 12), np.uint8),
                                  AFFINE + np.diag([0, 0, 0.5, 0])), "another place or orient"),
        (lambda root: save_volume(root / "masks/v1.nii.gz", np.full((20, 16, 12), 7, np.uint8)),
         "values without a meaning: 7"),
        (lambda root: save_volume(root / "masks/v1.nii.gz", np.full((20, 16, 12), 0.5, np.float32)),
         "fractional numbers"),
        (lambda root: save_volume(root / "images/v1.nii.gz", np.zeros((20, 16, 12, 2), np.uint8)),
         "a volume of 2 channels"),
        (lambda root: save_volume(root / "images/v1.nii.gz",
                                  np.full((20, 16, 12), np.nan, np.float32)), "not finite"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_named(root, spoil, message):
    spoil(root)
    opened = reader(root)
    with pytest.raises(ImageError, match=message):
        opened.load(opened.items()[0])


def test_a_window_must_ascend(root):
    with pytest.raises(FewmaskError, match="window: the first value must be less"):
        reader(root, window=[5, 5])
