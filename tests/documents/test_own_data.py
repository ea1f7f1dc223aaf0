"""The kinds of data on docs/datasets.md, each read with the YAML of the page, word for word."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import tifffile

from fewmask.config.named import load_dataset
from fewmask.data.preparation.prepare import prepare
from fewmask.data.splits.job import split
from fewmask.data.store.store import Store
from tests.data.making import bands, noise, save
from tests.data.preparation.geotiff_files import write_geotiff
from tests.data.readers import shape_files
from tests.data.readers.volumes import write_volumes
from tests.documents.test_datasets_page import blocks

LONGEST = 10


@pytest.fixture
def data(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the data of an empty project."""
    monkeypatch.setenv("FEWMASK_DATA", str(project / "data"))
    return project / "data"


def prepared(name: str, changes: Mapping[str, str] = MappingProxyType({})) -> Store:
    """The store of a dataset that is written as on the page, apart from changes, opened."""
    path = Path(f"config/datasets/{name}.yaml")
    (text,) = blocks("yaml", str(path))
    assert len(text.splitlines()) <= LONGEST
    for before, after in changes.items():
        text = text.replace(before, after)
    path.write_text(text)
    settings = load_dataset(name).model_dump(mode="json", exclude={"split", "description"})
    prepare(json.dumps({"dataset": name, **settings}), Path(f"results/datasets/{name}.h5"))
    return Store(Path(f"results/datasets/{name}.h5"))


def roles(name: str, fraction: str) -> list[dict[str, str]]:
    """The rows of the split of such a dataset."""
    requested = load_dataset(name).split.model_dump_json()
    output = Path(f"results/splits/{name}/{fraction}/0.csv")
    split(Path(f"results/datasets/{name}.h5"), requested, fraction, 0, output)
    return list(csv.DictReader(output.open()))


def write_annotations(kind: str, root: Path) -> None:
    """The annotations of leaf_01.png in a format."""
    if kind == "labelme":
        shape_files.write_json(root / "notes/leaf_01.json", shape_files.labelme())
    elif kind == "cvat":
        (root / "annotations.xml").write_text(shape_files.CVAT)
    elif kind == "coco":
        shape_files.write_json(root / "annotations.json", shape_files.coco())
    else:
        content = shape_files.panoptic(root / "panoptic")
        shape_files.write_json(root / "panoptic.json", content)


@pytest.mark.parametrize("kind", ["labelme", "cvat", "coco", "panoptic"])
def test_shapes(kind: str, data: Path, capsys: pytest.CaptureFixture[str]):
    root = data / f"{kind}_leaves"
    shape_files.make_images(root / "images", "leaf_01.png", "leaf_02.png", "more/leaf_03.png")
    write_annotations(kind, root)
    with prepared(f"{kind}_leaves") as store:
        assert store.labelled.tolist() == [True] + [False] * (len(store) - 1)
        pixels = store.class_pixels[0]
        assert (pixels > 0).all()
        assert len(pixels) == (2 if kind == "panoptic" else 3)
    log = capsys.readouterr().err
    overlap = "note: pixels in shapes of several classes, of which the last in classes counts: 48"
    assert (overlap in log) == (kind != "panoptic")


def test_volumes(data: Path):
    write_volumes(data / "volumes", count=6, slices=4)
    with prepared("volumes") as store:
        assert store.names[:5] == [*(f"v1/{i}" for i in range(4)), "v2/0"]
        assert store.read("image", [0]).dtype == np.float32
        assert store.labelled.all()
    of_groups = {(row["group"], row["role"]) for row in roles("volumes", "n4")}
    assert len(of_groups) == 6
    assert [role for _, role in of_groups].count("labelled") == 1


def test_bands(data: Path):
    for i in range(10):
        write_geotiff(data / f"bands/images/{i}.tif", bands(noise(40, 60, 3, seed=i)))
        save(data / f"bands/masks/{i}.png", noise(40, 60, below=2, seed=i))
    with prepared("bands") as store:
        assert store.summary == "10 images, 10 with masks"
        found = store.read("image", [9])[0]
        assert (found.shape, found.dtype) == ((64, 64, 6), np.uint16)
        settings = store.dataset_settings
        shown = [settings.channel_names[i] for i in settings.shown_channels]
        assert shown == ["nir", "red", "green"]


def test_heights(data: Path):
    for i in range(10):
        save(data / f"heights/masks/{i}.tif", noise(64, 64, below=2, seed=i))
        heights = np.random.default_rng(i).random((64, 64), np.float32)
        (data / "heights/images").mkdir(exist_ok=True)
        tifffile.imwrite(data / f"heights/images/{i}.tif", heights)
    with prepared("heights") as store:
        assert store.labelled.all()
        assert np.array_equal(store.read("image", [9])[0, ..., 0], heights)


def test_groups(data: Path, capsys: pytest.CaptureFixture[str]):
    for patient in range(10):
        for slice_ in range(12):
            name = f"patient{patient:02d}_slice_{slice_:03d}.png"
            save(data / "scans/images" / name, noise(16, 16, 3))
            save(data / "scans/masks" / name, noise(16, 16, below=2))
    prepared("scans").close()
    rows = roles("scans", "n20")
    of_groups = {(row["group"], row["role"]) for row in rows}
    assert [group for group, _ in sorted(of_groups)] == [f"patient{i:02d}" for i in range(10)]
    assert [row["role"] for row in rows].count("labelled") == 24
    log = capsys.readouterr().err
    assert "groups: 2 labelled, 5 unlabelled, 1 validation, 2 test" in log
    assert "n20 requests 20 masks; whole groups have 24" in log
    assert "warning" not in log

    path = Path("config/datasets/scans.yaml")
    path.write_text(path.read_text().replace(r"groups: '(patient\d+)_'", "stratify: none"))
    roles("scans", "n20")
    assert r"groups: '(patient\d+_slice)'" in capsys.readouterr().err


def test_groups_of_a_table(data: Path):
    lines = ["image,camera,plot"]
    for i in range(10):
        save(data / f"plots/images/{i}.jpg", noise(16, 16, 3))
        save(data / f"plots/masks/{i}.png", noise(16, 16, below=2))
        lines.append(f"images/{i}.jpg,c,{'north' if i < 3 else f'p{i // 2}'}")
    (data / "plots/groups.csv").write_text("\n".join(lines))
    prepared("plots").close()
    rows = roles("plots", "n4")
    assert [row["group"] for row in rows] == [line.rpartition(",")[2] for line in lines[1:]]
    assert len({(row["group"], row["role"]) for row in rows}) == 5


def test_stacks(data: Path):
    for i in range(10):
        deep = np.random.default_rng(i).integers(0, 2**16, (2, 64, 64), np.uint16)
        (data / "stacks/images").mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(data / f"stacks/images/{i}.tif", deep, photometric="minisblack")
        save(data / f"stacks/masks/{i}.png", noise(64, 64, below=2, seed=i))
    with prepared("stacks") as store:
        assert store.labelled.all()
        assert np.array_equal(store.read("image", [9])[0], np.moveaxis(deep, 0, 2))
        assert store.dataset_settings.shown_channels == [0, 0, 0]


def test_large_images_are_cut_into_tiles(data: Path):
    for i, size in enumerate([(600, 1000), (100, 512), (512, 520), (30, 40), (513, 40)]):
        save(data / f"slides/images/{i}.png", noise(*size, 3, seed=i))
        if i < 4:
            save(data / f"slides/masks/{i}.png", noise(*size, below=2, seed=i))
    with prepared("slides") as store:
        assert store.summary == "5 images (12 tiles), 4 with masks"
        assert (store.height, store.width) == (512, 512)
        rows = roles("slides", "n1")
        assert [row["name"] for row in rows] == store.names
        of_images = {(row["name"].split("@")[0], row["role"]) for row in rows}
    assert sorted(role for _, role in of_images) == (
        ["labelled", "test", "test", "unlabelled", "validation"]
    )


def test_tiles_of_a_group_have_one_role(data: Path):
    for patient in range(6):
        for slice_ in range(2):
            name = f"patient{patient}_slice_{slice_}.png"
            save(data / "scans/images" / name, noise(48, 40, 3))
            save(data / "scans/masks" / name, noise(48, 40, below=2))
    prepared("scans", {"size: 64": "tiles: {size: 32, overlap: 8}"}).close()
    rows = roles("scans", "n4")
    assert len(rows) == 6 * 2 * 4
    assert len({(row["group"], row["role"]) for row in rows}) == 6
    assert {row["name"].split("@")[0][:8] for row in rows} == {row["group"] for row in rows}
