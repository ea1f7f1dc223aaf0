"""TIFF stacks and GeoTIFF files, written by the libraries of their fields."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import open_image, read_image
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.tiff import has_windows_of_colours, is_georeferenced
from tests.data.making import noise, save
from tests.data.preparation.geotiff_files import write_geotiff

DEEP = np.random.default_rng(0).integers(0, 2**16, (9, 12, 6), np.uint16)


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "minisblack", "planarconfig": "contig"},
        {"photometric": "minisblack", "planarconfig": "separate"},
        {"photometric": "minisblack"},
        {"imagej": True},
        {"bigtiff": True, "photometric": "minisblack"},
    ],
)
def test_channels_are_samples_planes_or_pages(tmp_path: Path, options: dict):
    is_last = options.get("planarconfig") == "contig"
    values = DEEP if is_last else np.moveaxis(DEEP, 2, 0)
    tifffile.imwrite(tmp_path / "a.tif", values, **options)
    found = read_image(tmp_path / "a.tif", channels=6)
    assert found.dtype == np.uint16
    assert np.array_equal(found, DEEP)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_one_channel(tmp_path: Path, kind: str):
    tifffile.imwrite(tmp_path / "a.tif", DEEP[..., 0].astype(kind))
    found = read_image(tmp_path / "a.tif", channels=1)
    assert np.array_equal(found, DEEP[..., :1].astype(kind))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compress": "lzw", "tiled": True, "blockxsize": 16, "blockysize": 16},
        {"bigtiff": "yes"},
    ],
)
def test_windows_of_a_geotiff(tmp_path: Path, options: dict):
    path = write_geotiff(tmp_path / "a.tif", DEEP, **options)
    image = open_image(path, channels=6)
    assert image.size == (9, 12)
    assert np.array_equal(image.read(), DEEP)
    assert np.array_equal(image.read(slice(2, 5), slice(7, 99)), DEEP[2:5, 7:])


def test_what_has_a_place(tmp_path: Path):
    assert is_georeferenced(write_geotiff(tmp_path / "a.tif", DEEP))
    tifffile.imwrite(tmp_path / "b.tif", DEEP[..., 0])
    save(tmp_path / "c.tif", noise(4, 4, 3))
    save(tmp_path / "d.png", noise(4, 4, 3))
    (tmp_path / "e.tif").write_bytes(b"")
    for name in ("b.tif", "c.tif", "d.png", "e.tif"):
        assert not is_georeferenced(tmp_path / name)


def test_what_is_refused(tmp_path: Path):
    path = tmp_path / "a.tif"
    for channels in (5, 1):
        with pytest.raises(ImageError, match=f"found 6 channels\n  expected: {channels}"):
            open_image(write_geotiff(path, DEEP), channels=channels)
    gaps = DEEP.astype(np.float32)
    gaps[0, :3, 1] = -9999
    with pytest.raises(ImageError, match=r"found no data \(-9999\) in 3 pixels"):
        read_image(write_geotiff(path, gaps, nodata=-9999), channels=6)
    gaps[gaps < 0] = np.nan
    with pytest.raises(ImageError, match=r"not finite \(NaN\), in 3 pixels"):
        read_image(write_geotiff(path, gaps, nodata=np.nan), channels=6)
    tifffile.imwrite(path, np.zeros((2, 3, 8, 8), np.uint8), photometric="minisblack")
    with pytest.raises(ImageError, match="found axes Q 2, Q 3, Y 8, X 8"):
        read_image(path, channels=6)


def test_as_colours_neither_stacks_nor_bands_are_read(tmp_path: Path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(6, 8, 9), photometric="minisblack")
    with pytest.raises(ImageError, match=r"a stack of 6 pages\n(.*\n)?  mend: channels: 6"):
        read_image(path)
    write_geotiff(path, DEEP)
    with pytest.raises(ImageError, match=r"that begin with .*\n.*\n  mend: say .*YAML which chan"):
        read_image(path)
    with tifffile.TiffWriter(path) as file:  # a picture and its preview
        for size in ((8, 9), (4, 5)):
            file.write(noise(*size), photometric="minisblack")
    assert read_image(path).shape == (8, 9, 3)


@pytest.mark.parametrize("has_place", [True, False])
def test_damaged_files(tmp_path: Path, has_place: bool):
    path = tmp_path / "a.tif"
    if has_place:
        write_geotiff(path, DEEP)
    else:
        tifffile.imwrite(path, DEEP[..., 0])
    whole = path.read_bytes()
    for length in (6, 60, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(ImageError, match=r"a\.tif: found"):
            read_image(path, channels=6 if has_place else 1)


@pytest.mark.parametrize(
    ("channels", "dtype", "expected"),
    [(3, "uint8", True), (3, "uint16", False), (4, "uint8", False)],
)
def test_windows_of_colours(tmp_path: Path, channels: int, dtype: str, expected: bool):
    values = noise(9, 12, channels)
    path = write_geotiff(tmp_path / "a.tif", values.astype(dtype), photometric="rgb")
    assert has_windows_of_colours(path) == expected
    if expected:
        assert np.array_equal(open_image(path, channels=3).read(), read_image(path))
    save(tmp_path / "b.tif", values[..., :3])
    assert not has_windows_of_colours(tmp_path / "b.tif")


@pytest.mark.parametrize(
    ("package", "extra"),
    [("tifffile", "tiff"), ("imagecodecs", "tiff"), ("rasterio", "geotiff")],
)
def test_a_package_that_is_not_installed(
    tmp_path: Path, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "a.tif"
    if package == "rasterio":
        write_geotiff(path, DEEP)
    else:
        tifffile.imwrite(path, DEEP[..., 0])
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FewmaskError, match=rf"a\.tif: .*{package}.*\n  mend: .*fewmask\[{extra}\]"):
        read_image(path, channels=6)
