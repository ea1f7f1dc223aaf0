"""`fewmask new`: what it finds in folders, what it writes, and that the result can be planned."""

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from fewmask.config.named import load_dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.fingerprint import choices
from fewmask.data.fingerprint.fingerprint import fingerprint
from fewmask.data.fingerprint.new import new
from fewmask.data.preparation.prepare import prepare
from fewmask.data.splits.job import split
from fewmask.data.store.store import Store
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from tests.conftest import ROOT
from tests.data.making import bands, noise, save
from tests.data.preparation.geotiff_files import write_geotiff
from tests.data.readers import shape_files
from tests.data.readers.volumes import write_volumes
from tests.documents.test_datasets_page import blocks
from tests.workflow.snakemake import fewmask, planned


@pytest.fixture
def data(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the data of a project that has the methods of this one."""
    (project / "config/methods").rmdir()
    (project / "config/methods").symlink_to(ROOT / "config/methods")
    (project / "data").mkdir()
    monkeypatch.setenv("FEWMASK_DATA", str(project / "data"))
    return project / "data"


def make(root: Path, image: str, mask: str, count: int = 12, values: tuple[int, ...] = (0, 1)):
    """Images, and masks of all but the last two, with these patterns of names."""
    for i in range(count):
        save(root / image.format(i), noise(70, 100, 3, seed=i))
        if i < count - 2:
            indices = noise(70, 100, below=len(values), seed=i)
            save(root / mask.format(i), np.array(values, np.uint8)[indices])


@pytest.mark.parametrize(
    ("image", "mask", "expected"),
    [
        ("images/a{}.jpg", "masks/a{}.png", {"images": "images/*.jpg", "masks": "masks/*.png"}),
        ("a{}.jpg", "a{}_mask.png", {"images": "*.jpg", "masks": "*_mask.png"}),
        ("a_{}.png", "a_{}_seg.png", {"images": "*.png", "masks": "*_seg.png"}),
        ("x/im/a{}.png", "x/gt/b/a{}.png", {"images": "x/im/*.png", "masks": "x/gt/b/*.png"}),
    ],
)
def test_images_and_masks_are_paired(data, image, mask, expected):
    make(data / "mine", image, mask)
    found = fingerprint(data, "mine")
    assert found.reader == {"name": "folder", **expected}
    assert (len(found.items), found.masks) == (12, 10)
    assert found.classes.classes == ["background", "foreground"]
    assert found.classes.mask_values is None
    assert choices.size(found) == [64, 96]
    assert choices.fractions(found) == ["all"]


def test_bands_are_stored_as_they_are(data):
    for i in range(12):
        write_geotiff(data / f"mine/images/{i}.tif", bands(noise(70, 100, 3, seed=i)))
        save(data / f"mine/masks/{i}.png", noise(70, 100, below=2, seed=i))
    new("mine", data / "mine")
    text = Path("config/datasets/mine.yaml").read_text()
    assert "of 12 that were opened: 12 uint16 of 6 channels" in text
    settings = load_dataset("mine")
    assert (settings.channels, settings.size) == (6, (64, 96))
    assert Path("results/new/mine.png").exists()


def test_subsets_in_folders_and_images_elsewhere(data):
    for subset in ("train", "val"):
        make(data / "mine", f"{subset}/photos/{{}}.jpg", f"{subset}/labels/{{}}.png")
    make(data / "mine", "more/{}.jpg", "more/none", count=2)
    reader = fingerprint(data, "mine").reader
    assert reader["images"] == "*/photos/*.jpg"
    assert reader["masks"] == "*/labels/*.png"
    assert reader["unlabelled"] == "more/*.jpg"


@pytest.mark.parametrize(
    ("values", "classes", "meanings"),
    [
        ((0, 255), ["background", "foreground"], {0: "background", 255: "foreground"}),
        ((0, 1, 2, 255), ["background", "class_1", "class_2"], None),
        ((0, 2, 7, 255), ["background", "class_2", "class_7"],
         {0: "background", 2: "class_2", 7: "class_7", 255: "ignore"}),
        ((1, 2, 3), ["class_1", "class_2", "class_3"],
         {1: "class_1", 2: "class_2", 3: "class_3"}),
    ],
)  # fmt: skip
def test_values_become_classes(data, values, classes, meanings):
    make(data / "mine", "images/{}.jpg", "masks/{}.png", values=values)
    found = fingerprint(data, "mine").classes
    assert (found.classes, found.mask_values) == (classes, meanings)


def test_colours_become_classes(data):
    make(data / "mine", "images/{}.jpg", "masks/{}.png")
    for path in (data / "mine/masks").iterdir():
        indices = noise(70, 100, below=2, seed=1)
        save(path, np.array([[0, 0, 0], [200, 10, 20]], np.uint8)[indices])
    classes = fingerprint(data, "mine").classes.classes
    assert [one["colour"] for one in classes] == [[0, 0, 0], [200, 10, 20]]


@pytest.mark.parametrize("kind", ["labelme", "cvat", "coco"])
def test_annotations_are_read(data, kind):
    root = data / "mine"
    shape_files.make_images(root / "images", "leaf_01.png", "leaf_02.png")
    if kind == "labelme":
        shape_files.write_json(root / "images/leaf_01.json", shape_files.labelme())
    elif kind == "cvat":
        (root / "all.xml").write_text(shape_files.CVAT)
    else:
        shape_files.write_json(root / "all.json", shape_files.coco())
    found = fingerprint(data, "mine")
    assert (found.reader["name"], len(found.items), found.masks) == (kind, 2, 1)
    assert sorted(found.classes.classes) == ["background", "leaf", "spot"]


def test_groups_and_large_images(data):
    for i in range(8):
        for j in range(3):
            name = f"patient{i}_slice_{j}"
            save(data / f"mine/images/{name}.png", noise(1100, 40, 3, seed=i))
            save(data / f"mine/masks/{name}.png", noise(1100, 40, below=2, seed=j))
    new("mine", Path("mine"))
    found = yaml.safe_load(Path("config/datasets/mine.yaml").read_text())
    assert found["split"]["groups"] == r"(patient\d+_slice)"
    assert found["tiles"] == {"size": 512, "overlap": 64}
    assert "size" not in found


class TestRefuses:
    def test_to_overwrite(self, data):
        make(data / "mine", "images/{}.jpg", "masks/{}.png")
        for path in ("config/datasets/mine.yaml", "config/experiments/mine.yaml"):
            Path(path).write_text("mine: own")
            with pytest.raises(FewmaskError, match=rf"{path}: there is such a file, and nothing"):
                new("mine", Path("mine"))
            assert Path(path).read_text() == "mine: own"
            Path(path).unlink()
        assert not list(Path("config/datasets").iterdir())

    @pytest.mark.parametrize(
        ("name", "folder", "message"),
        [
            ("Mine!", "mine", "Mine!: no name of a dataset"),
            ("mine", "none", "none: no such folder, neither here nor in"),
            ("mine", "/", "lies outside the folder of the data"),
            ("mine", "empty", "empty: no images in it"),
            ("mine", "photos", "photos: found images, but no masks of them"),
            ("mine", "other", "the names of images and masks do not agree"),
            ("mine", "one", "classes: found 1; name at least two"),
            ("mine", "annotated", r"no masks of them\n  found: \.; no annotations in .*all\.json"),
            ("mine", "spoiled", r"masks/4\.png: found an empty file"),
            ("mine", "{braces}", "root: must be a relative path without"),
        ],
    )
    def test_what_it_cannot_use(self, data, name, folder, message):
        (data / "empty").mkdir()
        save(data / "photos/a.png", noise(40, 40, 3))
        make(data / "other", "images/{}.jpg", "masks/x{}.png")
        make(data / "one", "images/{}.jpg", "masks/{}.png", values=(0,))
        save(data / "annotated/a.png", noise(40, 40, 3))
        (data / "annotated/all.json").write_text("{")
        make(data / "spoiled", "images/{}.jpg", "masks/{}.png")
        (data / "spoiled/masks/4.png").write_bytes(b"")
        make(data / "{braces}", "images/{}.jpg", "masks/{}.png")
        with pytest.raises(FewmaskError, match=message):
            new(name, Path(folder))
        assert not list(Path("config/datasets").iterdir())

    def test_to_leave_a_part_of_its_files(self, data):
        make(data / "mine", "images/{}.jpg", "masks/{}.png")
        Path("config/experiments").rmdir()
        Path("config/experiments").touch()
        with pytest.raises(FewmaskError, match=r"config/experiments/mine\.yaml: cannot"):
            new("mine", Path("mine"))
        assert not list(Path("config/datasets").iterdir())
        assert not Path("results/new/mine.png").exists()


@pytest.mark.parametrize(("folder", "images"), [("CamVid", "701"), ("oxford-iiit-pet", "691")])
def test_real_images_become_a_grid(real_data, project, monkeypatch, folder, images):
    (project / "config/methods").rmdir()
    (project / "config/methods").symlink_to(ROOT / "config/methods")
    monkeypatch.setenv("FEWMASK_DATA", str(real_data))
    text = new("mine", Path(folder))
    assert re.search(rf"found {images} images, {images} with masks", text)
    assert Path("results/new/mine.png").stat().st_size > 10_000
    assert load_dataset("mine").root == folder
    grid = load_grid([Path("config/experiments/mine.yaml")])
    assert {run.method for run in grid.runs} >= {"supervised", "unimatch"}
    jobs = planned(project, "--configfile", "config/experiments/mine.yaml")
    assert jobs["evaluate"] == len(grid.runs)
    assert jobs["prepare"] == 1


def test_the_command_of_the_page(data):
    make(data / "leaves", "images/{}.jpg", "masks/{}.png")
    (command,) = blocks("console", "new")
    answer = fewmask(Path(), *command.split()[3:])
    assert answer.returncode == 0, answer.stderr
    assert "fewmask plan --configfile config/experiments/my_leaves.yaml" in answer.stdout
    assert load_dataset("my_leaves").root == "leaves"


class TestVolumes:
    """Of NIfTI: slices, of which those of a volume stay together."""

    def test_become_a_dataset_that_can_be_prepared(self, data, capsys):
        write_volumes(data / "mine", count=12, slices=6, air=-600)
        for path in sorted((data / "mine/masks").iterdir())[10:]:
            path.unlink()
        answer = new("mine", Path("mine"))
        assert "found 72 slices, 60 with masks, by the reader nifti" in answer
        assert Path("results/new/mine.png").exists()
        settings = load_dataset("mine")
        expected = {"name": "nifti", "images": "images/*.nii.gz", "masks": "masks/*.nii.gz"}
        found = settings.reader.model_dump(exclude_defaults=True)
        assert found == expected | {"window": (-160, 240)}
        assert (settings.channels, settings.normalisation) == ("grey", "percentiles")
        assert (settings.size, settings.split.groups) == (64, "(.*)/")
        grid = load_grid([Path("config/experiments/mine.yaml")])
        assert {run.fraction for run in grid.runs} == {"n24"}

        prepare(JobArguments(grid).prepare_settings("mine"), Path("results/mine.h5"))
        with Store(Path("results/mine.h5")) as store:
            assert (len(store), store.labelled.sum()) == (72, 60)
            images = store.read("image")
            assert (images.shape, images.dtype) == ((72, 64, 64, 1), np.float32)
            assert (images.min(), images.max()) == (-160, 105)
            assert store.class_pixels[store.labelled].all()
        split(Path("results/mine.h5"), settings.split.model_dump_json(), "n24", 0, Path("s.csv"))
        rows = list(csv.DictReader(Path("s.csv").read_text().splitlines()))
        assert len({(row["group"], row["role"]) for row in rows}) == 12

    def test_are_cut_across_their_coarse_direction(self, data):
        write_volumes(data / "mine", count=5, slices=30, affine=np.diag([-1.0, -4, 1, 1]))
        found = fingerprint(data, "mine")
        assert found.reader["slices"] == "coronal"
        assert "window" not in found.reader
        assert len(found.items) == 5 * 16
        assert choices.kept_together(found) == {"groups": "(.*)/"}

    def test_of_one_patient_are_split_into_blocks(self, data):
        write_volumes(data / "mine", count=2, slices=40)
        assert choices.kept_together(fingerprint(data, "mine")) == {"blocks": 8}

    def test_in_a_folder_for_each_patient(self, data):
        write_volumes(data / "flat", count=3, slices=4)
        for i in range(1, 4):
            folder = data / f"mine/p{i}"
            folder.mkdir(parents=True)
            for kind in ("t1", "t2"):
                shutil.copy(data / f"flat/images/v{i}.nii.gz", folder / f"p{i}_{kind}.nii.gz")
            shutil.copy(data / f"flat/masks/v{i}.nii.gz", folder / f"p{i}_seg.nii.gz")
        found = fingerprint(data, "mine")
        assert found.reader["images"] == "p*/*_t1.nii.gz"
        assert found.reader["masks"] == "p*/*_seg.nii.gz"
        assert [item.name for item in found.items][::4] == ["1/p1/0", "2/p2/0", "3/p3/0"]
