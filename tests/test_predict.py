"""Prediction on a person's own pictures: sizes, formats, names, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from fewmask.data.scenes import CLASSES, render
from fewmask.data.store import Store
from fewmask.errors import FewmaskError
from fewmask.networks.weights import load_segmenter
from fewmask.paths import WEIGHTS
from fewmask.predict import predict
from fewmask.training.job import Inputs, train
from tests.conftest import small_stage


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
    network, _, _ = load_segmenter(weights, torch.device("cpu"))
    with torch.no_grad():
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
        expected = network(pixels, torch.ones(1, 1, 32, 32))["segmentation"].argmax(1)[0]
    written = Image.open(tmp_path / "out" / "masks" / "room.png")
    assert written.mode == "P"
    assert np.array_equal(np.asarray(written), expected.numpy())
    colours = np.array([colour for _, colour in CLASSES])
    assert np.array_equal(np.asarray(written.convert("RGB")), colours[expected.numpy()])


def test_masks_have_the_size_of_their_pictures(weights: Path, tmp_path: Path):
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


def test_a_padded_picture_is_predicted_as_in_its_dataset(weights: Path, tmp_path: Path):
    # Twice the size and then fitted to 32 pixels again: nearly the same prediction.
    small = render(0, 30, 32, 32).image
    for name, picture in (("a", small), ("b", np.kron(small, np.ones((2, 2, 1), np.uint8)))):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    predict(weights, tmp_path, tmp_path / "out")
    a, b = (np.asarray(Image.open(tmp_path / "out" / "masks" / f"{n}.png")) for n in "ab")
    assert (np.kron(a, np.ones((2, 2), np.uint8)) == b).mean() > 0.95


def test_a_damaged_picture_is_named_and_left_out(weights: Path, tmp_path: Path, capsys):
    Image.new("RGB", (32, 32)).save(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"no picture at all")
    predict(weights, tmp_path, tmp_path / "out")
    told = capsys.readouterr().err
    assert "bad.jpg" in told
    assert "1 of 2 pictures" in told
    assert [p.name for p in (tmp_path / "out" / "masks").iterdir()] == ["good.png"]


def test_what_cannot_be_done_is_said(weights: Path, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(FewmaskError, match="no pictures there"):
        predict(weights, tmp_path, tmp_path / "out")
    Image.new("RGB", (32, 32)).save(tmp_path / "same.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "same.jpg")
    with pytest.raises(FewmaskError, match=r"would both be written to same\.png: rename one"):
        predict(weights, tmp_path, tmp_path / "out")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"")
    with pytest.raises(FewmaskError, match="none of its 1 pictures can be read"):
        predict(weights, tmp_path / "broken", tmp_path / "out")
    pretrained = json.dumps({"training": {"objective": {"name": "masked_image"}}})
    save_file({}, tmp_path / "pretrained.safetensors", {"fewmask": pretrained})
    with pytest.raises(FewmaskError, match="predicts nothing of a picture"):
        predict(tmp_path / "pretrained.safetensors", tmp_path, tmp_path / "out")
    with pytest.raises(FewmaskError, match="cannot be read as weights"):
        predict(tmp_path / "same.png", tmp_path, tmp_path / "out")
