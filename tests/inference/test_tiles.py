"""Whole images, predicted and judged from their tiles."""

import csv
import json
from contextlib import nullcontext
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import f1_score, jaccard_score, log_loss

from fewmask.core.encode import jpeg
from fewmask.core.paths import TRAINING, WEIGHTS
from fewmask.core.progress import bar
from fewmask.data.batches import Images
from fewmask.data.preparation.prepare import prepare
from fewmask.data.rendered.scenes import CLASSES, render
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference import predicted_files
from fewmask.inference.overview import Overview
from fewmask.inference.predict import predict
from fewmask.inference.pseudo_label import pseudo_label
from fewmask.inference.restorer import Restorer
from fewmask.inference.strips import stored_strips
from fewmask.inference.suggestions.file_pool import FilePool
from fewmask.inference.suggestions.pool import StoredPool
from fewmask.inference.trained import Trained
from fewmask.networks.weights import load_segmenter
from fewmask.objectives.assessment import assess
from fewmask.tasks.segmentation import SegmentationSettings
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.data.making import reading, save
from tests.inference.evaluating import RUN, evaluate

SIZES = [(70, 50), (64, 64), (32, 90), (20, 30), (57, 33), (40, 46)]
TILE, OVERLAP = 32, 8


class Tiled:
    """A dataset of rooms in tiles, a network that was trained on it, and its evaluation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rooms = {f"room_{i}": render(0, i, *size) for i, size in enumerate(SIZES)}
        for name, room in self.rooms.items():
            room.mask[:5, :7] = 255
            save(folder / f"mine/images/{name}.png", room.image)
            save(folder / f"mine/masks/{name}.png", room.mask)
        self.store, self.split, self.weights = (
            folder / "rooms.h5",
            folder / "0.csv",
            folder / WEIGHTS,
        )
        classes = [{"name": name, "colour": colour} for name, colour in CLASSES]
        tiles = {"size": TILE, "overlap": OVERLAP}
        settings = json.loads(reading(dataset="rooms", classes=classes, tiles=tiles))
        prepare(json.dumps({k: v for k, v in settings.items() if k != "size"}), self.store)
        with Store(self.store) as store:
            roles = np.array(["test", "labelled", "test", "test", "validation", "unlabelled"])
            roles = roles[store.images.of_rows].tolist()
            split_files.write(self.split, store.names, roles)
        train(Inputs(self.store, self.split), small_stage(precision="fp32", steps=15), 0, folder)

    def evaluate(self, output: Path, size: str = "network") -> dict:
        evaluate(RUN, self.store, self.split, self.weights, [self.folder / TRAINING], output, size)
        return json.loads(output.read_text())

    def logits(self, name: str, nearest: bool = False) -> np.ndarray:
        """Of a whole image, (K, H, W), pixel by pixel the weighted mean of its tiles, or those of
        the tile whose middle is nearest."""
        image = self.rooms[name].image
        height, width = image.shape[:2]
        network, _ = load_segmenter(self.weights, torch.device("cpu"))
        total, weights = np.zeros((7, height, width)), np.zeros((height, width))
        ramp = np.array([min(i + 1, TILE - i, OVERLAP + 1) for i in range(TILE)], float)
        starts = [
            sorted({*range(0, max(n - TILE, 1), TILE - OVERLAP), max(n - TILE, 0)})
            for n in (height, width)
        ]
        for top in starts[0]:
            for left in starts[1]:
                part = image[top : top + TILE, left : left + TILE]
                down, across = TILE - part.shape[0], TILE - part.shape[1]
                padded = np.pad(part, ((0, down), (0, across), (0, 0)), mode="edge")
                inside = torch.zeros(1, 1, TILE, TILE)
                inside[:, :, : part.shape[0], : part.shape[1]] = 1
                with torch.no_grad():
                    pixels = torch.from_numpy(padded).permute(2, 0, 1)[None] / 255
                    found = network(pixels, inside)["segmentation"][0].numpy()
                here = np.s_[top : top + part.shape[0], left : left + part.shape[1]]
                weight = np.outer(ramp, ramp)
                if nearest:
                    rows, columns = (
                        [min(starts[k], key=lambda one: abs(start + i - one)) == start
                         for i in np.arange(TILE) - TILE / 2 + 0.5]
                        for k, start in enumerate((top, left))
                    )  # fmt: skip
                    weight = np.outer(rows, columns)
                weight = weight[: part.shape[0], : part.shape[1]]
                total[(slice(None), *here)] += weight * found[:, : part.shape[0], : part.shape[1]]
                weights[here] += weight
        return total / weights


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> Tiled:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("tiled")
        patch.setenv("FEWMASK_DATA", str(folder))
        return Tiled(folder)


@pytest.fixture(scope="module")
def result(tiled: Tiled) -> dict:
    return tiled.evaluate(tiled.folder / "metrics.json")


TESTED = ["room_0", "room_2", "room_3"]
UNLABELLED = ["room_5"]


def test_metrics_are_those_of_whole_images(tiled: Tiled, result: dict):
    truth = np.concatenate([tiled.rooms[name].mask.ravel() for name in TESTED])
    logits = np.concatenate([tiled.logits(name).reshape(7, -1) for name in TESTED], axis=1)
    known = truth != 255
    truth, logits = truth[known], logits[:, known]
    macro = {"average": "macro", "zero_division": 0}
    expected = jaccard_score(truth, logits.argmax(0), **macro)
    assert result["metrics"]["miou"] == pytest.approx(expected, abs=1e-4)
    shares = np.exp(logits - np.logaddexp.reduce(logits, axis=0)).T
    expected = log_loss(truth, shares, labels=range(7))
    assert result["metrics"]["cross_entropy"] == pytest.approx(expected, rel=1e-4)


def test_validation_counts_each_pixel_of_whole_images_once(tiled: Tiled):
    with Store(tiled.store) as store:
        roles = split_files.read(tiled.split, store.names)
        trained = Trained.load(tiled.weights, threads=1)
        images = Images(
            store, roles["test"], torch.device("cpu"), ["segmentation"], each_pixel_once=True
        )
        tasks = {"segmentation": SegmentationSettings()}
        found = assess(trained.network, images.in_order(4), nullcontext, tasks)
    truth = [tiled.rooms[name].mask.ravel() for name in TESTED]
    predicted = [tiled.logits(name, nearest=True).argmax(0).ravel() for name in TESTED]
    pairs = [(t[t != 255], p[t != 255]) for t, p in zip(truth, predicted, strict=True)]
    macro = {"average": "macro", "zero_division": 0}
    dice = np.mean([f1_score(*pair, **macro) for pair in pairs])
    assert found["dice"] == pytest.approx(dice, abs=1e-6)
    miou = jaccard_score(*map(np.concatenate, zip(*pairs, strict=True)), **macro)
    assert found["miou"] == pytest.approx(miou, abs=1e-6)


def test_whole_images_are_counted_and_listed(tiled: Tiled, result: dict):
    assert result["images"] == {"labelled": 1, "unlabelled": 1, "validation": 1, "test": 3}
    assert result["tiles"] == {"labelled": 9, "unlabelled": 4, "validation": 6, "test": 11}
    with (tiled.folder / "metrics.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["name"] for row in table] == TESTED
    for row in table:
        mask = tiled.rooms[row["name"]].mask
        for k, (name, _) in enumerate(CLASSES):
            assert int(row[f"truth_{name}"]) == (mask == k).sum()


def test_pseudo_masks_of_tiles_are_counted_as_whole_images(tiled: Tiled, tmp_path: Path):
    output = tmp_path / "pseudo_masks.h5"
    pseudo_label("supervised/supervised", tiled.store, tiled.split, tiled.weights, output)
    [name] = UNLABELLED
    quality = json.loads(output.with_suffix(".json").read_text())
    assert quality["images"] == len(UNLABELLED)
    truth, predicted = tiled.rooms[name].mask, tiled.logits(name, nearest=True).argmax(0)
    assert quality["pixel_accuracy"] == pytest.approx((truth == predicted)[truth != 255].mean())


def test_tiles_are_at_their_original_size(tiled: Tiled, result: dict, tmp_path: Path):
    assert tiled.evaluate(tmp_path / "b.json", "original")["metrics"] == result["metrics"]


class Negative:
    """Restores the negative of an image that it leaves as it is."""

    def restored(self, batch):
        return batch.image, 1 - batch.image


def test_restored_images_are_whole_images(tiled: Tiled, result: dict):
    with Store(tiled.store) as store:
        rows = split_files.read(tiled.split, store.names)["test"]
        images = Images(store, rows, torch.device("cpu"))
        maps = Restorer(tiled.weights, None, Negative()).maps(images, images.places)
        extents, counts = store.extents[rows], store.images.of_rows[rows]
        tiles = store.read("image", rows) / 255
    with h5py.File(tiled.folder / "metrics.examples.h5") as file:
        shown = dict(zip(file["name"].asstr()[:], file["image"][:], strict=True))
        extent = dict(zip(file["name"].asstr()[:], file["extent"][:], strict=True))
    for i, place in enumerate(images.places):
        name = f"room_{place}"
        height, width = extent[name]
        assert np.array_equal(maps["perturbed"][i], shown[name])
        negative = 255 - shown[name][:height, :width]
        assert np.array_equal(maps["restored"][i, :height, :width], negative)
        errors = [
            (1 - 2 * tile[:high, :wide]) ** 2
            for tile, (high, wide) in zip(
                tiles[counts == place], extents[counts == place], strict=True
            )
        ]
        expected = sum(one.sum() for one in errors) / sum(one.size for one in errors)
        assert maps["restored_error"][i] == pytest.approx(expected, rel=1e-5)
        assert maps["perturbed_error"][i] == 0


def test_examples_are_whole_images(tiled: Tiled, result: dict):
    with h5py.File(tiled.folder / "metrics.examples.h5") as file:
        names, extents = file["name"].asstr()[:].tolist(), file["extent"][:]
        assert sorted(names) == TESTED
        assert file["image"].shape[1:] == (TILE, TILE, 3)
        for i, name in enumerate(names):
            height, width = tiled.rooms[name].mask.shape
            ratio = min(1, TILE / height, TILE / width)
            assert extents[i].tolist() == [round(height * ratio), round(width * ratio)]
            rows, columns = (
                ((np.arange(new) + 0.5) * old / new).astype(int)
                for new, old in zip(extents[i], (height, width), strict=True)
            )
            part, nearest = np.s_[: extents[i][0], : extents[i][1]], np.ix_(rows, columns)
            assert np.array_equal(file["image"][i][part], tiled.rooms[name].image[nearest])
            assert np.array_equal(file["segmentation"][i][part], tiled.rooms[name].mask[nearest])
            predicted = tiled.logits(name).argmax(0)[nearest]
            assert (file["segmentation_prediction"][i][part] == predicted).mean() > 0.999


def test_predictions_of_files_are_those_of_the_evaluation(tiled: Tiled, tmp_path: Path):
    predict(tiled.weights, tiled.folder / "mine/images", tmp_path)
    for name, room in tiled.rooms.items():
        written = Image.open(tmp_path / f"masks/{name}.png")
        assert written.mode == "P"
        predicted = tiled.logits(name).argmax(0)
        assert np.asarray(written).shape == room.mask.shape
        assert (np.asarray(written) == predicted).mean() > 0.999
        assert Image.open(tmp_path / f"overlays/{name}.jpg").size == written.size


def test_suggested_masks_are_those_of_whole_images(tiled: Tiled):
    trained = Trained.load(tiled.weights, threads=1)
    with Store(tiled.store) as store, bar("", 1) as shown:
        stored = StoredPool(store, [tiled.split], [trained], needs_free=True)
        files = FilePool(tiled.folder / "mine/images", trained, shown, None)
        room = tiled.rooms["room_5"]
        for pool in (stored, files):
            found = pool.predicted(pool.names.index("room_5"), trained)
            assert np.array_equal(found.mask, tiled.logits("room_5").argmax(0))
            assert np.array_equal(found.shown_mask, found.mask)
            assert np.array_equal(found.image, room.image)


def test_the_overlay_of_a_large_image_is_smaller(tiled: Tiled, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(predicted_files, "LARGEST_VIEW", 30)
    predict(tiled.weights, tiled.folder / "mine/images/room_0.png", tmp_path)
    assert Image.open(tmp_path / "masks/room_0.png").size == (50, 70)
    palette = np.array([colour for _, colour in CLASSES])
    classes = np.asarray(Image.open(tmp_path / "masks/room_0.png"))[::3, ::3]
    mixed = (tiled.rooms["room_0"].image[::3, ::3] + palette[classes] + 1) // 2
    overlay = (tmp_path / "overlays/room_0.jpg").read_bytes()
    assert overlay == jpeg(mixed.astype(np.uint8), quality=92)


def test_strips_are_as_high_as_memory_allows(tiled: Tiled, monkeypatch: pytest.MonkeyPatch):
    trained = Trained.load(tiled.weights, threads=1)
    with Store(tiled.store) as store:
        images = Images(store, np.arange(len(store)), trained.runtime.device, ["segmentation"])
        whole = list(stored_strips(trained, images, 0))
        assert [strip.top for strip in whole] == [0, 24, 38]  # where the rows of tiles begin
        monkeypatch.setattr("fewmask.inference.strips.PIXELS_AT_ONCE", 10 * 50)
        parts = list(stored_strips(trained, images, 0))
    assert [strip.top for strip in parts] == [0, 10, 20, 24, 34, 38, 48, 58, 68]
    for kind in ("outputs", "truth"):
        one, other = (
            torch.cat([getattr(strip, kind)["segmentation"] for strip in found], dim=-2)
            for found in (whole, parts)
        )
        assert torch.allclose(one, other, atol=1e-5)  # smaller batches round otherwise


def test_an_overview_does_not_depend_on_the_parts():
    image = np.arange(7 * 9 * 2).reshape(7, 9, 2)
    whole, parts = (Overview((7, 9), (4, 4), -1) for _ in range(2))
    whole.add(image, 0)
    for top, left in ((0, 0), (0, 5), (3, 0), (3, 5)):
        parts.add(image[top : top + 4, left : left + 5], top, left)
    assert whole.extent == (3, 4)
    assert np.array_equal(whole.values, parts.values)
    assert (whole.values[3] == -1).all()
