"""Images of other channels than red, green and blue are read as they are stored."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fewmask.data.preparation.decode import open_image, read_image, read_mask, read_pair
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.mask_code import MaskCode
from tests.data.making import noise, save

CODE = MaskCode(("ground", "pet"), {0: 0, 1: 1, 255: 255}, ())


def array(path: Path, values: np.ndarray) -> Path:
    np.save(path, values)
    return path


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_arrays_keep_their_values(tmp_path: Path, kind: str):
    values = (300 * np.random.default_rng(0).random((5, 7, 6))).astype(kind)
    found = read_image(array(tmp_path / "a.npy", values), channels=6)
    assert found.dtype == kind
    assert np.array_equal(found, values)
    part = open_image(tmp_path / "a.npy", channels=6).read(slice(2, 99), slice(3))
    assert np.array_equal(part, values[2:, :3])


@pytest.mark.parametrize("kind", [">u2", "int16", "float16", "float64"])
def test_other_types_become_the_nearest_that_is_stored(tmp_path: Path, kind: str):
    values = np.arange(6).reshape(2, 3).astype(kind)
    found = read_image(array(tmp_path / "a.npy", values), channels=1)
    assert found.dtype == ("uint16" if kind == ">u2" else "float32")
    assert found[..., 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_grey_images_keep_their_depth(tmp_path: Path):
    deep = np.random.default_rng(0).integers(0, 2**16, (4, 6), np.uint16)
    for values in (deep, noise(4, 6)):
        found = read_image(save(tmp_path / "a.png", values), channels=1)
        assert found.dtype == values.dtype
        assert np.array_equal(found[..., 0], values)


def test_four_channels_of_a_png(tmp_path: Path):
    values = noise(4, 6, 4)
    assert np.array_equal(read_image(save(tmp_path / "a.png", values), channels=4), values)


def test_images_are_upright(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.png", noise(3, 5), exif=exif)
    assert np.array_equal(
        read_image(path, channels=1), np.rot90(read_image(path, upright=False, channels=1), -1)
    )


def test_masks_may_be_arrays(tmp_path: Path):
    mask = array(tmp_path / "mask.npy", np.array([[0, 1], [255, 0]], np.int32))
    assert read_mask(mask, CODE).tolist() == [[0, 1], [255, 0]]
    image = array(tmp_path / "image.npy", np.zeros((2, 2, 6), np.float32))
    assert read_pair(image, mask, CODE, channels=6)[0].shape == (2, 2, 6)
    with pytest.raises(ImageError, match="float64 of 2 axes"):
        read_mask(array(mask, np.zeros((2, 2))), CODE)


NAN = np.zeros((4, 5, 2), np.float32)
NAN[1, 2, 1], NAN[3, 3] = np.nan, np.inf


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.zeros((4, 5, 3), np.uint8), r"found 3 channels\n  expected: 2, as channels in the"),
        (np.zeros((4, 5, 2, 2), np.uint8), "found an array of 4 x 5 x 2 x 2"),
        (np.zeros((4, 5, 2), np.int64), "found numbers of the type int64"),
        (np.zeros((4, 5, 2), complex), "found numbers of the type complex128"),
        (NAN, r"values that are not finite \(NaN\), in 2 pixels"),
    ],
)
def test_what_is_refused(tmp_path: Path, values: np.ndarray, expected: str):
    with pytest.raises(ImageError, match=expected):
        read_image(array(tmp_path / "a.npy", values), channels=2)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"\x93NUMPY" + b"x" * 90])
def test_damaged_arrays(tmp_path: Path, content: bytes):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.npy: found (damaged data|an empty file)"):
        read_image(tmp_path / "a.npy", channels=1)


def test_pickled_objects_are_refused(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.array([[{}]]), allow_pickle=True)
    with pytest.raises(ImageError, match="damaged data"):
        read_image(tmp_path / "a.npy", channels=1)
