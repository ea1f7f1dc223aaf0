"""Prediction on a person's own images: sizes, formats, names, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fewmask import cli
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import WEIGHTS
from fewmask.data.rendered.scenes import CLASSES, render
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference.predict import RECORD, predict
from fewmask.networks.weights import load_segmenter
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.data.making import scenes_store


@pytest.fixture(scope="module")
def weights(rooms: Path, rooms_split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stage")
    stage = small_stage(precision="fp32", steps=60)
    assert train(Inputs(rooms, rooms_split), stage, 0, folder)
    return folder / WEIGHTS


def test_masks_are_those_of_the_network(weights: Path, rooms: Path, tmp_path: Path):
    with Store(rooms) as store:
        image = store.read("image", [3])[0]
    (tmp_path / "in").mkdir()
    Image.fromarray(image).save(tmp_path / "in" / "room.png")
    predict(weights, tmp_path / "in", tmp_path / "out")
    network, _ = load_segmenter(weights, torch.device("cpu"))
    with torch.no_grad():
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
        expected = network(pixels, torch.ones(1, 1, 32, 32))["segmentation"].argmax(1)[0]
    written = Image.open(tmp_path / "out" / "masks" / "room.png")
    assert written.mode == "P"
    assert np.array_equal(np.asarray(written), expected.numpy())
    colours = np.array([colour for _, colour in CLASSES])
    assert np.array_equal(np.asarray(written.convert("RGB")), colours[expected.numpy()])


def test_masks_have_the_size_of_their_images(weights: Path, tmp_path: Path):
    folder = tmp_path / "in"
    (folder / "more").mkdir(parents=True)
    for name, size in {
        "wide.jpg": (120, 50),
        "tall.png": (40, 200),
        "more/tiny.webp": (9, 7),
    }.items():
        Image.fromarray(render(0, 1, 64, 64).image).resize(size).save(folder / name)
    Image.new("L", (33, 17), 128).save(folder / "grey.tif")
    predict(weights, folder, tmp_path / "out")
    for name, size in {
        "wide": (120, 50),
        "tall": (40, 200),
        "more/tiny": (9, 7),
        "grey": (33, 17),
    }.items():
        assert Image.open(tmp_path / "out" / "masks" / f"{name}.png").size == size
        assert Image.open(tmp_path / "out" / "overlays" / f"{name}.jpg").size == size


def test_a_padded_image_is_predicted_as_in_its_dataset(weights: Path, tmp_path: Path):
    # Twice the size and then fitted to 32 pixels again: nearly the same prediction.
    small = render(0, 30, 32, 32).image
    for name, image in (("a", small), ("b", np.kron(small, np.ones((2, 2, 1), np.uint8)))):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    predict(weights, tmp_path, tmp_path / "out")
    a, b = (np.asarray(Image.open(tmp_path / "out" / "masks" / f"{n}.png")) for n in "ab")
    assert (np.kron(a, np.ones((2, 2), np.uint8)) == b).mean() > 0.95


def test_every_task_of_the_network_is_predicted(tmp_path: Path):
    store = scenes_store(tmp_path / "rooms.h5", 12)
    roles = ["labelled"] * 8 + ["validation"] * 2 + ["test"] * 2
    split_files.write(tmp_path / "0.csv", [f"scene_{i:05d}" for i in range(12)], roles)
    tasks = ["depth", "normal", "segmentation"]
    stage = small_stage(precision="fp32", steps=4, objective={"name": "multi_task", "tasks": tasks})
    train(Inputs(store, tmp_path / "0.csv"), stage, 0, tmp_path)
    image = render(1, 0, 32, 32).image[:20]  # wider than high: padded, as the rooms are square
    (tmp_path / "in").mkdir()
    Image.fromarray(image).save(tmp_path / "in" / "room.png")
    predict(tmp_path / WEIGHTS, tmp_path / "in", tmp_path / "out")
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in tmp_path.glob("out/*/*"))
    assert written == [
        "depth/room.npy", "depth_colours/room.png", "masks/room.png", "normal/room.npy",
        "normal_colours/room.png", "overlays/room.jpg",
    ]  # fmt: skip
    network, _ = load_segmenter(tmp_path / WEIGHTS, torch.device("cpu"))
    padded = np.concatenate([image, np.repeat(image[-1:], 12, axis=0)])
    inside = torch.ones(1, 1, 32, 32)
    inside[:, :, 20:] = 0
    with torch.no_grad():
        outputs = network(torch.from_numpy(padded).permute(2, 0, 1)[None] / 255, inside)
    depth, normal = (np.load(tmp_path / "out" / name / "room.npy") for name in tasks[:2])
    assert np.allclose(depth, outputs["depth"][0, :20].numpy(), atol=1e-5)
    assert np.allclose(normal, outputs["normal"][0, :, :20].permute(1, 2, 0).numpy(), atol=1e-5)
    mask = np.asarray(Image.open(tmp_path / "out/masks/room.png"))
    assert np.array_equal(mask, outputs["segmentation"].argmax(1)[0, :20].numpy())


def test_a_damaged_image_is_named_and_left_out(weights: Path, tmp_path: Path, capsys):
    Image.new("RGB", (32, 32)).save(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"no image at all")
    predict(weights, tmp_path, tmp_path / "out")
    printed = capsys.readouterr().err
    assert "bad.jpg" in printed
    assert "1 of 2 images" in printed
    assert [p.name for p in (tmp_path / "out" / "masks").iterdir()] == ["good.png"]


def test_what_cannot_be_done_is_said(weights: Path, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(FewmaskError, match="found no images"):
        predict(weights, tmp_path, tmp_path / "out")
    Image.new("RGB", (32, 32)).save(tmp_path / "same.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "same.jpg")
    with pytest.raises(FewmaskError, match=r"would both be written to .*same\.png"):
        predict(weights, tmp_path, tmp_path / "out")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"")
    with pytest.raises(FewmaskError, match="none of its 1 images can be read"):
        predict(weights, tmp_path / "broken", tmp_path / "out")
    with pytest.raises(FewmaskError, match="cannot be read as weights"):
        predict(tmp_path / "same.png", tmp_path, tmp_path / "out")


@pytest.fixture
def leaves(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """A dataset's folder with images and masks of a person; what `fewmask predict` ends with and
    says there."""
    for name in ("img_2024.01.05.png", "img_2024.01.06.png", "last.png"):
        for folder in ("images", "masks"):
            (tmp_path / "leaves" / folder).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32, 32)).save(tmp_path / "leaves" / folder / name)

    def run(images: str, out: str) -> tuple[int, str]:
        options = ["--images", str(tmp_path / images), "--out", str(tmp_path / out)]
        monkeypatch.setattr(sys, "argv", ["fewmask", "predict", str(weights), *options])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, capsys.readouterr().err

    return run


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("images", "out"),
    [
        ("leaves/images", "leaves"),
        ("leaves/images", "leaves/images"),
        ("leaves/images/last.png", "leaves"),
        ("leaves", "leaves/masks"),
        ("more", "leaves"),
    ],
)
def test_it_does_not_write_where_its_images_lie(leaves, tmp_path: Path, images: str, out: str):
    (tmp_path / "more").mkdir()
    (tmp_path / "more/1.png").symlink_to(tmp_path / "leaves/images/last.png")
    before = content(tmp_path)
    code, said = leaves(images, out)
    assert code == 1
    assert said.startswith(f"error: {tmp_path / out}: found an input image in the folder")
    assert content(tmp_path) == before


def test_it_replaces_only_what_it_wrote(leaves, tmp_path: Path):
    assert leaves("leaves/images", "out")[0] == 0
    first = content(tmp_path / "out")
    assert leaves("leaves/images", "out")[0] == 0
    assert content(tmp_path / "out") == first
    changed = tmp_path / "out/masks/last.png"
    Image.open(changed).point(lambda value: value ^ 1).save(changed)  # somebody corrected it
    before = content(tmp_path / "out")
    code, said = leaves("leaves/images", "out")
    assert code == 1
    assert said.startswith(f"error: {changed}: found a file that ")
    assert content(tmp_path / "out") == before


def test_its_record_is_read_by_sha256sum(leaves, tmp_path: Path):
    assert leaves("leaves/images", "out")[0] == 0
    check = subprocess.run(["sha256sum", "--check", RECORD], cwd=tmp_path / "out")
    assert check.returncode == 0
    assert len((tmp_path / "out" / RECORD).read_text().splitlines()) == 6


def test_a_run_that_was_killed_is_repeated(leaves, tmp_path: Path):
    """It is killed while it puts a file on record."""
    assert leaves("leaves/images", "out")[0] == 0
    record = tmp_path / "out" / RECORD
    record.write_bytes(record.read_bytes()[:-5])
    (tmp_path / "out/overlays/last.jpg").unlink()  # which is last
    for _ in range(2):
        assert leaves("leaves/images", "out")[0] == 0


def test_its_own_masks_are_no_input(leaves, tmp_path: Path):
    for _ in range(2):
        code, said = leaves("leaves/images", "leaves/images/predicted")
        assert code == 0
        assert "3 of 3 images" in said


def test_names_with_dots_are_kept(leaves, tmp_path: Path):
    assert leaves("leaves/images", "out")[0] == 0
    names = sorted(path.name for path in (tmp_path / "out/masks").iterdir())
    assert names == ["img_2024.01.05.png", "img_2024.01.06.png", "last.png"]


def test_names_that_are_not_utf_8_are_kept(leaves, tmp_path: Path):
    name = os.fsdecode(b"leaf\xff")
    (tmp_path / "leaves/images/last.png").rename(tmp_path / f"leaves/images/{name}.png")
    for _ in range(2):
        assert leaves("leaves/images", "out")[0] == 0
    assert (tmp_path / f"out/masks/{name}.png").is_file()


def test_no_image_goes_where_another_needs_a_folder(leaves, tmp_path: Path):
    (tmp_path / "leaves/images/a.png").mkdir()
    for name in ("a.png/1.png", "a.jpg"):
        Image.new("RGB", (32, 32)).save(tmp_path / "leaves/images" / name)
    code, said = leaves("leaves/images", "out")
    assert code == 1
    assert "masks/a.png, which has to be a folder for" in said
    assert not (tmp_path / "out").exists()
