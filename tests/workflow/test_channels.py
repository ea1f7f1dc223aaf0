"""Images of other channels than colours, from their files to tables, figures and predictions."""

import csv
import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from fewmask.data.inspection.dataset import describe
from fewmask.data.rendered.scenes import render
from fewmask.inference.predict import predict
from fewmask.networks.weights import read_description
from tests.data.making import bands, save
from tests.data.preparation.geotiff_files import write_geotiff
from tests.small_project import change_config, write_config, write_project
from tests.workflow.snakemake import snakemake

DATASET = """\
reader: {{name: folder, images: "images/*.tif", masks: "masks/*.png"}}
root: {name}
classes: [wall, floor, box, ball, cylinder, cone, pyramid]
size: 32
split: {{test: n4, validation: n4}}
"""


def write_images(root: Path, name: str) -> None:
    """Rooms as GeoTIFF files of six bands of 16 bits, or as TIFF files of floats, with masks."""
    for i in range(16):
        room = render(0, i, 32, 32)
        path = root / f"images/{i:02d}.tif"
        if name == "bands":
            write_geotiff(path, bands(room.image))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, room.image.mean(2, dtype=np.float32) * 1e3)
        save(root / f"masks/{i:02d}.png", room.mask)


@pytest.mark.slow
def test_six_bands_and_floats_run_to_tables_figures_and_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path / "data"))
    write_project(tmp_path)
    for name, more in {
        "bands": "channels: [blue, green, red, nir, swir1, swir2]\nshow: [nir, red, green]\n",
        "heights": "channels: grey\nnormalisation: mean_std\n",
    }.items():
        write_images(tmp_path / "data" / name, name)
        write_config(tmp_path, f"datasets/{name}", DATASET.format(name=name) + more)
    augmentation = {"brightness": 0.3, "hue": 0.1, "blur": 0.5}
    change_config(tmp_path, "methods/supervised", defaults={"augmentation": augmentation})
    requested = {"datasets": ["bands", "heights"], "fractions": ["n4"], "seeds": [0]}
    change_config(tmp_path, "config", **requested)
    answer = snakemake(tmp_path)
    assert answer.returncode == 0, answer.stdout

    results = tmp_path / "results"
    with (results / "tables/runs.csv").open() as file:
        assert [row["dataset"] for row in csv.DictReader(file)] == ["bands", "heights"]
    assert list(results.glob("figures/segmentation_examples.*"))
    for name, count in (("bands", 6), ("heights", 1)):
        store = results / f"datasets/{name}.h5"
        with h5py.File(store) as file:
            assert file["image"].shape == (16, 32, 32, count)
            assert file["image"].dtype == ("uint16" if count == 6 else "float32")
        channels = "red, nir, swir1, swir2, uint16" if count == 6 else "grey, float32"
        assert re.search(f"^channels +.*{channels}$", describe(store), re.M)
        with h5py.File(results / f"metrics/{name}/supervised/n4/0.examples.h5") as file:
            assert file["image"].shape[1:] == (32, 32, 3)
            assert file["image"].dtype == np.uint8
            assert np.ptp(file["image"]) > 200
        stage = results / f"stages/{name}/supervised/n4/0/supervised"
        weights = stage / "weights.safetensors"
        scaling = read_description(weights).scaling
        assert len(scaling.low) == count
        assert json.loads((stage / "training.json").read_text())["scaling"]
        predict(weights, tmp_path / "data" / name / "images", tmp_path / "predicted" / name)
        ending = "tif" if name == "bands" else "png"
        assert len(list((tmp_path / "predicted" / name / "masks").glob(f"*.{ending}"))) == 16
        overlay = Image.open(tmp_path / "predicted" / name / "overlays/00.jpg")
        assert (overlay.size, overlay.mode) == ((32, 32), "RGB")
