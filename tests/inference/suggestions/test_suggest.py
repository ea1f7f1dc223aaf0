"""Suggestions of networks that were trained on the masks of some rooms."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import entropy

from fewmask.core.errors import FewmaskError
from fewmask.core.paths import WEIGHTS
from fewmask.data.preparation.prepare import prepare
from fewmask.data.rendered.scenes import CLASSES, render
from fewmask.data.scaling import Scaling
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference.suggestions.committee import Rescaled, disagreement
from fewmask.inference.suggestions.networks import Networks
from fewmask.inference.suggestions.suggest import SHEET, TABLE, suggest
from fewmask.networks.weights import load_segmenter
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.data.making import noise, reading, save

ROLES = ["labelled"] * 4 + ["unlabelled"] * 6 + ["validation"] * 2 + ["test"] * 2
UNLABELLED = range(4, 10)


@dataclass
class Made:
    """Rooms in a folder, and two networks that were trained on them."""

    store: Path
    networks: Networks


def make(folder: Path, hidden_are_noise: bool) -> Made:
    for i in range(len(ROLES)):
        room = render(0, i, 32, 24)
        is_noise = hidden_are_noise and i in UNLABELLED
        mask = noise(32, 24, below=7, seed=i) if is_noise else room.mask
        save(folder / f"mine/images/room_{i:02d}.png", room.image)
        save(folder / f"mine/masks/room_{i:02d}.png", mask)
    classes = [{"name": name, "colour": colour} for name, colour in CLASSES]
    store, split = folder / "rooms.h5", folder / "0.csv"
    prepare(reading(dataset="rooms", classes=classes, size=32), store)
    with Store(store) as opened:
        split_files.write(split, opened.names, ROLES)
    for seed in (0, 1):
        stage = small_stage(precision="fp32", steps=6, evaluation={"every": 6})
        train(Inputs(store, split), stage, seed, folder / str(seed))
    weights = [folder / str(seed) / WEIGHTS for seed in (0, 1)]
    return Made(store, Networks(weights, store, [split, split]))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("rooms")
        patch.setenv("FEWMASK_DATA", str(folder))
        yield folder


@pytest.fixture(scope="module")
def made(data: Path) -> Made:
    return make(data, hidden_are_noise=False)


@pytest.fixture(scope="module")
def suggested(made: Made, data: Path) -> Path:
    """The folder of suggestions of all unlabelled images."""
    output = data / "out"
    suggest(made.networks, None, 100, output)
    return output


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / TABLE).open()))


def test_disagreement_is_the_entropy_of_the_mean_less_the_mean_entropy():
    logits = torch.randn(3, 1, 4, 2, 2) * 3
    shares = logits.softmax(2).numpy()
    expected = entropy(shares.mean(0), axis=1) - entropy(shares, axis=2).mean(0)
    np.testing.assert_allclose(disagreement(list(logits)), expected, atol=1e-6)
    np.testing.assert_allclose(disagreement([logits[0]]), entropy(shares[0], axis=1), atol=1e-6)
    assert disagreement([logits[0], logits[0]]).max() < 1e-6


def test_a_network_sees_images_in_its_own_range():
    values = torch.tensor([100.0, 150, 200]).view(1, 1, 1, 3)
    found, own = Scaling(low=(50,), high=(250,)), Scaling(low=(100,), high=(180,))

    class Shows(torch.nn.Module):
        def forward(self, image, inside):
            return {"segmentation": image}

    seen = Rescaled(Shows(), found, own)((values - 50) / 200, None)["segmentation"]
    assert seen.flatten().tolist() == pytest.approx([0, 0.625, 1], abs=1e-6)


def outputs(made: Made, number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of both networks, the probabilities (K, H, W) and the features of an image of 32 x 24."""
    found = []
    for path in made.networks.weights:
        network, _ = load_segmenter(path, torch.device("cpu"))
        with Store(made.store) as store:
            image = torch.from_numpy(store.read("image", [number])).permute(0, 3, 1, 2) / 255
        inside = torch.zeros(1, 1, 32, 32)
        inside[..., :24] = 1
        with torch.no_grad():
            shares = network(image, inside)["segmentation"].softmax(1)[0].numpy()
            maps = network.features(image, inside)[-1][0, ..., :3].numpy()
        # The last map has four columns, of which the image fills three.
        pooled = maps.mean((1, 2))
        found.append((shares, pooled / np.linalg.norm(pooled)))
    return found


def test_the_order_is_that_of_disagreement_and_distance(made: Made, suggested: Path):
    """Each image at its turn, by plain numpy."""
    worth, features = {}, {}
    for number in range(10):
        of_both = outputs(made, number)
        shares = np.stack([one for one, _ in of_both])
        of_mean = entropy(shares.mean(0), axis=0)
        worth[number] = (of_mean - entropy(shares, axis=1).mean(0))[:, :24].mean()
        features[number] = np.concatenate([one for _, one in of_both]) / np.sqrt(2)
    chosen = table(suggested)
    assert sorted(row["name"] for row in chosen) == [f"room_{i:02d}" for i in UNLABELLED]
    taken = list(range(4))
    for rank, row in enumerate(chosen, start=1):
        left = [i for i in UNLABELLED if i not in taken]
        near = {i: min(np.linalg.norm(features[i] - features[one]) for one in taken) for i in left}
        best = max(left, key=lambda i: worth[i] * near[i])
        assert (row["rank"], row["name"]) == (str(rank), f"room_{best:02d}")
        assert float(row["disagreement"]) == pytest.approx(worth[best], abs=2e-6)
        assert float(row["distance"]) == pytest.approx(near[best], abs=2e-6)
        taken.append(best)


def test_hidden_masks_change_nothing(made: Made, suggested: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path))
    other = make(tmp_path, hidden_are_noise=True)
    suggest(other.networks, None, 100, tmp_path / "out")
    assert (tmp_path / "out" / TABLE).read_text() == (suggested / TABLE).read_text()


def test_masks_are_the_mean_prediction_and_are_read_back(made: Made, suggested: Path):
    first = table(suggested)[0]["name"]
    shares = np.mean([one for one, _ in outputs(made, int(first[-2:]))], axis=0)
    written = Image.open(suggested / f"masks/{first}.png")
    np.testing.assert_array_equal(written, shares.argmax(0)[:, :24])
    assert len(list((suggested / "masks").iterdir())) == 6
    assert Image.open(suggested / SHEET).width > 300


def test_a_folder_of_images_is_ordered_in_the_same_way(made: Made, suggested: Path, tmp_path: Path):
    for i in UNLABELLED:
        Image.fromarray(render(0, i, 32, 24).image).save(tmp_path / f"room_{i:02d}.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    said = suggest(made.networks, tmp_path, 100, tmp_path / "out")
    assert (tmp_path / "out" / TABLE).read_text() == (suggested / TABLE).read_text()
    assert "by the disagreement of 2 networks" in said
    assert "4 images with known masks" in said


def test_one_network_alone_gives_its_entropy(made: Made, tmp_path: Path):
    Image.fromarray(render(0, 4, 32, 24).image).save(tmp_path / "a.png")
    said = suggest(Networks(made.networks.weights[:1]), tmp_path, 1, tmp_path / "out")
    assert "by the entropy of one network" in said
    [row] = table(tmp_path / "out")
    assert row["distance"] == "inf"
    [(shares, _), _] = outputs(made, 4)
    expected = entropy(shares, axis=0)[:, :24].mean()
    assert float(row["entropy"]) == pytest.approx(expected, abs=2e-6)


def test_what_cannot_be_done_is_said(made: Made, tmp_path: Path):
    alone = Networks(made.networks.weights)
    with pytest.raises(FewmaskError, match="weights alone do not say which images are unlab"):
        suggest(alone, None, 3, tmp_path / "out")
    with pytest.raises(FewmaskError, match="found no images"):
        suggest(alone, tmp_path, 3, tmp_path / "out")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(FewmaskError, match="none of the 1 images can be read"):
        suggest(alone, tmp_path, 3, tmp_path / "out")
    with pytest.raises(FewmaskError, match="not empty, and nothing is overwritten"):
        suggest(alone, tmp_path, 3, tmp_path)
    save(tmp_path / "a.jpg", noise(8, 8, 3))
    with pytest.raises(FewmaskError, match="2 images have the same name, a"):
        suggest(alone, tmp_path, 3, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_networks_must_go_together(made: Made, tmp_path: Path, rooms: Path, rooms_split: Path):
    train(
        Inputs(rooms, rooms_split),
        small_stage(precision="fp32", steps=4),
        0,
        tmp_path,
    )
    save(tmp_path / "in/a.png", noise(8, 8, 3))
    mixed = Networks([*made.networks.weights, tmp_path / WEIGHTS])
    with pytest.raises(FewmaskError, match="trained on another dataset or for other tasks"):
        suggest(mixed, tmp_path / "in", 3, tmp_path / "out")
    with Store(made.store) as store:
        everything = ["labelled" if one == "unlabelled" else one for one in ROLES]
        split_files.write(tmp_path / "1.csv", store.names, everything)
    with pytest.raises(FewmaskError, match="trained with another split"):
        suggest(
            Networks(made.networks.weights, made.store, [tmp_path / "1.csv"] * 2),
            None, 3, tmp_path / "out",
        )  # fmt: skip
