"""TIFF files of any channels: plain ones by tifffile, those with a georeference by rasterio.

Both are packages that only such files need.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.data.preparation.as_stored import ImageInMemory, OpenImage, checked, needed
from fewmask.data.preparation.image_error import image_error
from fewmask.data.preparation.opening import (
    ORIENTATION,
    TIFF,
    beginning,
    check_pixels,
    decoding,
    turned,
)

GEOREFERENCES = {33550, 33922, 34264}
"""The tags ModelPixelScale, ModelTiepoint and ModelTransformation, one of which a GeoTIFF has."""

WHOLE = "a whole TIFF file"


def open_tiff(path: Path, channels: int) -> OpenImage:
    """An image of a TIFF file; of a GeoTIFF only what is read of it is in memory.

    Raises ImageError, and FewmaskError if the package that reads it is not installed.
    """
    if is_georeferenced(path):
        return GeoImage(path, channels)
    return ImageInMemory(checked(path, _stack(path), channels))


def is_tiff(path: Path) -> bool:
    """Whether a file is a TIFF."""
    return beginning(path).startswith(TIFF)


def shape_and_type(path: Path) -> tuple[tuple[int, int, int], str]:
    """Height, width and channels of a TIFF, and the type of its values. Raises as `open_tiff`."""
    if is_georeferenced(path):
        with opened_raster(path) as raster:
            return (raster.height, raster.width, raster.count), raster.dtypes[0]
    values = _stack(path)
    return (*values.shape[:2], values[0, 0].size), values.dtype.name


def check_no_stack(path: Path) -> None:
    """Raise ImageError for a TIFF whose second page has the size of the first: of a stack only the
    first page would be read. Smaller pages are previews."""
    from PIL import Image

    with decoding(path, WHOLE), Image.open(path, formats=["TIFF"]) as image:
        pages, size = image.n_frames, image.size
        image.seek(min(1, pages - 1))
        is_stack = pages > 1 and image.size == size
    if is_stack:
        raise image_error(
            path, f"a stack of {pages} pages", "one image of colours or grey",
            f"channels: {pages} in the dataset's YAML, if pages are channels; or one file a page",
        )  # fmt: skip


def is_georeferenced(path: Path) -> bool:
    """Whether a file is a TIFF that says where on Earth it lies."""
    return is_tiff(path) and not GEOREFERENCES.isdisjoint(_tags(path))


def has_windows_of_colours(path: Path) -> bool:
    """Whether a file is a GeoTIFF of red, green and blue of 8 bits, of which rasterio, if it is
    installed, reads windows. Raises ImageError."""
    if not is_georeferenced(path) or find_spec("rasterio") is None:
        return False
    with opened_raster(path) as raster:
        names = [one.name for one in raster.colorinterp]
        return names == ["red", "green", "blue"] and {*raster.dtypes} == {"uint8"}


def _tags(path: Path) -> Any:
    """The tags of the first page of a TIFF, by number."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    start = beginning(path)
    with decoding(path, WHOLE), path.open("rb") as file:
        tags = ImageFileDirectory_v2(start[:16] if b"+" in start[:4] else start[:8])
        file.seek(tags.next)
        tags.load(file)
        return tags


class GeoImage:
    """A GeoTIFF, of which windows are read."""

    def __init__(self, path: Path, channels: int) -> None:
        self._path, self._channels = path, channels
        if (orientation := _tags(path).get(ORIENTATION, 1)) != 1:
            raise image_error(
                path, f"a georeference, and the orientation {orientation}", "the orientation 1",
                "write it anew, with gdal_translate for example",
            )  # fmt: skip
        with opened_raster(path) as raster:
            self.size: tuple[int, int] = raster.height, raster.width
            check_pixels(path, raster.height * raster.width)
            checked(path, np.zeros((1, 1, raster.count), raster.dtypes[0]), channels)

    def read(self, rows: slice = slice(None), columns: slice = slice(None)) -> np.ndarray:
        """A part of the image, (h, w, C); slices may reach beyond it."""
        with opened_raster(self._path) as raster:
            return checked(self._path, self._read(raster, rows, columns), self._channels)

    def close(self) -> None:
        """Nothing is in memory."""

    def _read(self, raster: Any, rows: slice, columns: slice) -> np.ndarray:
        window = tuple(
            one.indices(length)[:2] for one, length in zip((rows, columns), self.size, strict=True)
        )
        with decoding(self._path, WHOLE):
            values = raster.read(window=window)
        _check_no_gaps(self._path, values, raster.nodata)
        return np.moveaxis(values, 0, 2)


def _check_no_gaps(path: Path, values: np.ndarray, nodata: float | None) -> None:
    """Raise ImageError if floats, (C, h, w), are the number that stands for no data: unlike 0 in
    integers it may be far from all others. NaN is refused in any case."""
    if values.dtype.kind != "f" or nodata is None:
        return
    if missing := (values == nodata).any(axis=0).sum():
        raise image_error(
            path, f"no data ({nodata:g}) in {missing:,} pixels", "numbers",
            "fill them, remove the file's nodata, and ignore these pixels in the mask",
        )  # fmt: skip


def opened_raster(path: Path, *mode: Any, **options: Any) -> Any:
    """A GeoTIFF as rasterio opens it. Raises ImageError, and FewmaskError without rasterio."""
    rasterio = needed("rasterio", "geotiff", path)
    with decoding(path, WHOLE):
        return rasterio.open(path, *mode, driver="GTiff", **options)


def _stack(path: Path) -> np.ndarray:
    """The first image series of a TIFF, (H, W, C): channels may be samples of a pixel, planes, or
    pages."""
    tifffile = needed("tifffile", "tiff", path)
    needed("imagecodecs", "tiff", path)  # for most kinds of compression
    with decoding(path, WHOLE), tifffile.TiffFile(path) as file:
        series = file.series[0]
        axes = series.axes
        check_pixels(path, series.shape[axes.index("Y")] * series.shape[axes.index("X")])
        orientation = file.pages.first.tags.valueof(ORIENTATION, 1)
        values = series.asarray()
    long = [i for i, name in enumerate(axes) if name in "YX" or values.shape[i] > 1]
    others = [i for i in long if axes[i] not in "YX"]
    if len(others) > 1:
        shape = ", ".join(
            f"{name} {length}" for name, length in zip(axes, values.shape, strict=True)
        )
        raise image_error(path, f"axes {shape}", "height, width, and one more at most")
    order = [axes.index("Y"), axes.index("X"), *others]
    rest = [i for i in range(len(axes)) if i not in order]
    pixels = values.transpose(*order, *rest).reshape([values.shape[i] for i in order])
    return turned(pixels, orientation)
