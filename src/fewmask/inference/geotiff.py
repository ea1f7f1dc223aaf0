"""Predictions as GeoTIFF files, which lie where their images lie."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.data.preparation.tiff import opened_raster

GEOTIFF = ".tif"
"""The ending of these files."""


@dataclass(frozen=True)
class Look:
    """What is written."""

    shape: tuple[int, ...]
    """(H, W) or (H, W, channels)."""
    dtype: np.dtype
    nodata: float
    """The value of pixels of which nothing is predicted."""
    palette: np.ndarray
    """The colours of classes, uint8 (K, 3), which integers are."""


class GeoWriter:
    """Writes an array from top to bottom, with the georeference of an image of the same size (see
    `RowWriter`)."""

    def __init__(self, path: Path, image: Path, look: Look) -> None:
        """Raises ImageError if the image cannot be opened."""
        self._top = 0
        self._raster = opened_raster(
            path,
            "w",
            height=look.shape[0],
            width=look.shape[1],
            count=look.shape[2] if len(look.shape) == 3 else 1,
            dtype=look.dtype.name,
            nodata=look.nodata,
            compress="deflate",
            bigtiff="if_safer",
            **_georeference(image),
        )
        if look.dtype.kind == "u":
            colours = {i: (*colour, 255) for i, colour in enumerate(look.palette.tolist())}
            self._raster.write_colormap(1, colours)

    def add(self, rows: np.ndarray) -> None:
        """Write the next rows, (h, W) or (h, W, channels)."""
        bands = rows[None] if rows.ndim == 2 else np.moveaxis(rows, 2, 0)
        bottom = self._top + len(rows)
        self._raster.write(bands, window=((self._top, bottom), (0, rows.shape[1])))
        self._top = bottom

    def close(self) -> None:
        """Complete the file."""
        self._raster.close()


def _georeference(image: Path) -> dict[str, Any]:
    """Where an image lies: by an affine transform, or by points on the ground."""
    with opened_raster(image) as raster:
        points, system = raster.gcps
        if points:
            return {"gcps": points, "crs": system}
        return {"transform": raster.transform, "crs": raster.crs}
