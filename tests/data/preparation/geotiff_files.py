"""GeoTIFF files as rasterio writes them."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

PLACE = {"crs": "EPSG:32632", "transform": from_origin(500_000, 5_300_000, 10, 10)}
"""Pixels of 10 m in UTM zone 32 north."""


def write_geotiff(path: Path, values: np.ndarray, **options: object) -> Path:
    """Write an image, (H, W, C), at its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, count = values.shape
    size = {"height": height, "width": width, "count": count, "dtype": values.dtype.name}
    with rasterio.open(path, "w", driver="GTiff", **size, **{**PLACE, **options}) as raster:
        raster.write(np.moveaxis(values, 2, 0))
    return path
