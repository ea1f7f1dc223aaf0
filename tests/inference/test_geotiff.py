"""Predictions for GeoTIFF files lie where their images lie."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from fewmask import IGNORE
from fewmask.core.paths import WEIGHTS
from fewmask.data.rendered.scenes import CLASSES, render
from fewmask.inference.geotiff import GeoWriter, Look
from fewmask.inference.predict import predict
from fewmask.networks.weights import load_weights, read_description, save_weights
from tests.data.making import bands
from tests.data.preparation.geotiff_files import PLACE, write_geotiff

PALETTE = np.array([colour for _, colour in CLASSES], np.uint8)


def test_masks_are_those_of_arrays_and_have_a_place(bands_weights: Path, tmp_path: Path):
    folder, output = tmp_path / "in", tmp_path / "out"
    image = bands(render(0, 1, 48, 64).image)
    write_geotiff(folder / "here.tif", image)
    np.save(folder / "nowhere.npy", image)
    for _ in range(2):  # what it wrote it may write again
        predict(bands_weights, folder, output)
    expected = np.asarray(Image.open(output / "masks/nowhere.png"))
    with rasterio.open(output / "masks/here.tif") as found:
        assert np.array_equal(found.read(1), expected)
        assert (found.transform, found.crs) == (PLACE["transform"], rasterio.CRS.from_epsg(32632))
        assert (found.dtypes, found.nodata) == (("uint8",), IGNORE)
        colours = found.colormap(1)
        assert [colours[i][:3] for i in range(len(PALETTE))] == [tuple(c) for c in PALETTE.tolist()]
    assert sorted(path.name for path in (output / "masks").iterdir()) == ["here.tif", "nowhere.png"]
    for name in ("here", "nowhere"):
        assert Image.open(output / f"overlays/{name}.jpg").size == (64, 48)


def test_large_images_are_read_in_windows(bands_weights: Path, tmp_path: Path):
    """Of a network for tiles: those of a file at its place, and those of an array in memory."""
    description = read_description(bands_weights).record
    description["dataset"] |= {"tiles": {"size": 32, "overlap": 8}}
    save_weights(tmp_path / WEIGHTS, load_weights(bands_weights), description)
    image = bands(render(0, 2, 90, 120).image)
    write_geotiff(tmp_path / "in/here.tif", image, tiled=True, blockxsize=16, blockysize=16)
    np.save(tmp_path / "in/nowhere.npy", image)
    predict(tmp_path / WEIGHTS, tmp_path / "in", tmp_path / "out")
    with rasterio.open(tmp_path / "out/masks/here.tif") as found:
        expected = np.asarray(Image.open(tmp_path / "out/masks/nowhere.png"))
        assert np.array_equal(found.read(1), expected)
        assert found.transform == PLACE["transform"]


@pytest.mark.parametrize("shape", [(50, 7), (50, 7, 3)])
def test_rows_are_written_one_after_the_other(tmp_path: Path, shape: tuple[int, ...]):
    points = [rasterio.control.GroundControlPoint(r, c, 3.0 * c, 5.0 - r) for r, c in
              [(0, 0), (0, 7), (50, 0)]]  # fmt: skip
    options = {"gcps": points, "crs": "EPSG:4326", "transform": None}
    image = write_geotiff(tmp_path / "image.tif", np.zeros((50, 7, 1), np.uint8), **options)
    values = np.random.default_rng(0).random(shape, np.float32)
    look = Look(shape, values.dtype, -1, PALETTE)
    writer = GeoWriter(tmp_path / "found.tif", image, look)
    for start in range(0, 50, 13):
        writer.add(values[start : start + 13])
    writer.close()
    with rasterio.open(tmp_path / "found.tif") as found:
        assert np.array_equal(np.moveaxis(found.read(), 0, 2).reshape(shape), values)
        assert [(one.row, one.col, one.x, one.y) for one in found.gcps[0]] == [
            (one.row, one.col, one.x, one.y) for one in points
        ]
        assert found.nodata == -1
