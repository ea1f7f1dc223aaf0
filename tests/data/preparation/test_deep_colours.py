"""Colours of more than 8 bits, which Pillow reads as 8 bits, are read as they are or refused."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from fewmask.data.preparation.decode import read_image, read_mask, size_and_kind
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.mask_code import mask_code
from fewmask.data.preparation.opening import turned
from tests.data.making import noise, save, settings

DEEP = np.random.default_rng(0).integers(0, 2**16, (5, 7, 4), np.uint16)


def write_png(path: Path, values: np.ndarray, exif: bytes = b"") -> Path:
    """Colours of 16 bits, uint16 (H, W, C), which Pillow cannot write."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = [
        (
            b"IHDR",
            struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0),
        ),
        *([(b"eXIf", exif)] if exif else []),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return path


def write_tiff(path: Path, values: np.ndarray, **options) -> Path:
    tifffile.imwrite(path, values, **options)
    return path


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_png_keeps_all_bits(tmp_path: Path, channels: int):
    path = write_png(tmp_path / "a.png", DEEP[..., :channels])
    found = read_image(path, channels=channels)
    assert found.dtype == np.uint16
    assert np.array_equal(found, DEEP[..., :channels])
    expected = (5, 7), f"uint16 of {channels} channels", channels
    assert size_and_kind(path) == expected


def test_png_is_upright(tmp_path: Path):
    exif = Image.Exif()
    exif[274] = 6
    path = write_png(tmp_path / "a.png", DEEP[..., :3], exif.tobytes().removeprefix(b"Exif\0\0"))
    assert np.array_equal(read_image(path, channels=3), np.rot90(DEEP[..., :3], -1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiff_is_upright_like_its_mask(tmp_path: Path, orientation: int):
    tags = {"extratags": [(274, "H", 1, orientation, True)]}
    path = write_tiff(tmp_path / "a.tif", DEEP[..., :3], photometric="rgb", **tags)
    mask = noise(5, 7, below=3)
    mask_path = write_tiff(tmp_path / "mask.tif", mask, **tags)
    assert np.array_equal(read_image(path, channels=3), turned(DEEP[..., :3], orientation))
    assert np.array_equal(read_mask(mask_path, mask_code(settings())), turned(mask, orientation))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff(tmp_path: Path, compression: str):
    path = save(tmp_path / "a.tif", noise(5, 7, 3), compression=compression)
    assert np.array_equal(read_image(path, channels=3), noise(5, 7, 3))


@pytest.mark.parametrize(
    ("name", "values", "options", "found"),
    [
        ("a.tif", DEEP[..., :3], {"photometric": "rgb"}, "numbers of 16 bits in 3 channels"),
        ("a.tif", np.moveaxis(DEEP[..., :3], 2, 0).copy(),
         {"photometric": "rgb", "planarconfig": "separate"}, "numbers of 16 bits in 3 channels"),
        ("a.tif", DEEP, {"photometric": "separated"}, "numbers of 16 bits in 4 channels"),
        ("a.tif", DEEP[..., 0].astype(np.int8), {}, "signed numbers of 8 bits in 1 channels"),
        ("a.tif", DEEP[..., 0], {}, r"numbers of more than 8 bits \(mode I;16\)"),
        ("a.tif", DEEP[..., 0].astype(np.int16), {}, r"numbers of more than 8 bits \(mode I\)"),
        ("a.png", DEEP[..., :3], {}, "numbers of 16 bits in 3 channels"),
    ],
)  # fmt: skip
def test_colours_would_lose_bits(tmp_path: Path, name, values, options, found):
    write = write_png if name.endswith("png") else write_tiff
    path = write(tmp_path / name, values, **options)
    with pytest.raises(ImageError, match=f"{found}[^$]*channels: (3|4|1|grey) in the dataset's"):
        read_image(path)


def test_masks_of_16_bit_colours_are_refused(tmp_path: Path):
    path = write_png(tmp_path / "a.png", DEEP[..., :3])
    with pytest.raises(ImageError, match="a mask: save it with 8 bits"):
        read_mask(path, mask_code(settings()))
