"""Evaluation of a trained network, against metrics computed in another way."""

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.special import softmax
from sklearn.metrics import f1_score, jaccard_score, log_loss, recall_score

from fewmask.core.paths import CHECKPOINT, TRAINING, WEIGHTS
from fewmask.data.preparation.prepare import prepare
from fewmask.data.rendered.scenes import CLASSES, render
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference.examples import choose
from fewmask.inference.predict import predict
from fewmask.networks.weights import load_segmenter
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.inference.evaluating import RUN, evaluate


@pytest.fixture(scope="module")
def truth_and_scores(trained: Path, rooms: Path, rooms_split: Path):
    """Masks and class scores of the test images, by the shortest way there is."""
    network, _ = load_segmenter(trained / WEIGHTS, torch.device("cpu"))
    with Store(rooms) as store, torch.no_grad():
        rows = split_files.read(rooms_split, store.names)["test"]
        images = torch.from_numpy(store.read("image", rows)).permute(0, 3, 1, 2) / 255
        scores = network(images, torch.ones(len(rows), 1, 32, 32))["segmentation"]
        return store.read("mask", rows), scores.numpy()


@pytest.fixture(scope="module")
def truth_and_prediction(truth_and_scores):
    """Masks and predictions of the test images."""
    truth, scores = truth_and_scores
    return truth, scores.argmax(1)


def test_metrics_agree_with_scikit_learn(result: Path, truth_and_prediction):
    truth, predicted = (array.ravel() for array in truth_and_prediction)
    metrics = json.loads(result.read_text())["metrics"]
    macro = {"average": "macro", "zero_division": 0}
    assert metrics["miou"] == pytest.approx(jaccard_score(truth, predicted, **macro), abs=1e-6)
    assert metrics["f1"] == pytest.approx(f1_score(truth, predicted, **macro), abs=1e-6)
    assert metrics["pixel_accuracy"] == pytest.approx(np.mean(truth == predicted), abs=1e-6)


def test_checkpoints_are_removed(trained: Path, result: Path):
    assert result.exists()
    assert not (trained / CHECKPOINT).exists()


def test_metrics_of_classes_agree_with_scikit_learn(result: Path, truth_and_prediction):
    truth, predicted = (array.ravel() for array in truth_and_prediction)
    classes = json.loads(result.read_text())["classes"]
    recalls = recall_score(truth, predicted, labels=range(7), average=None, zero_division=0)
    for (name, values), recall in zip(classes.items(), recalls, strict=True):
        if values["recall"] is not None:
            assert values["recall"] == pytest.approx(recall, abs=1e-6), name


def test_losses_agree_with_other_implementations(result: Path, truth_and_scores):
    truth, scores = truth_and_scores
    record = json.loads(result.read_text())
    shares = softmax(scores.astype(float), axis=1).transpose(0, 2, 3, 1).reshape(-1, 7)
    truth = truth.ravel()
    expected = log_loss(truth, shares, labels=range(7))
    assert record["metrics"]["cross_entropy"] == pytest.approx(expected, rel=1e-5)
    p = shares[np.arange(len(truth)), truth]
    expected = np.mean(-((1 - p) ** 2) * np.log(p))
    assert record["metrics"]["focal_loss"] == pytest.approx(expected, rel=1e-5)
    of_classes = []
    for k, (name, values) in enumerate(record["classes"].items()):
        assert list(values) == ["iou", "precision", "recall", "f1", "dice_loss"]
        if (truth == k).any():
            overlap, whole = shares[truth == k, k].sum(), shares[:, k].sum() + (truth == k).sum()
            of_classes.append(1 - 2 * overlap / whole)
            assert values["dice_loss"] == pytest.approx(of_classes[-1], rel=1e-5), name
        else:
            assert values["dice_loss"] is None
    assert record["metrics"]["dice_loss"] == pytest.approx(np.mean(of_classes), rel=1e-5)


def test_every_image_has_its_metrics(result: Path, truth_and_prediction):
    with result.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == list(range(26, 36))
    for row, truth, predicted in zip(rows, *truth_and_prediction, strict=True):
        expected = jaccard_score(truth.ravel(), predicted.ravel(), average="macro", zero_division=0)
        assert float(row["miou"]) == pytest.approx(expected, abs=1e-6)
        assert int(row["hit_floor"]) == np.sum((truth == 1) & (predicted == 1))
        assert int(row["truth_floor"]) == np.sum(truth == 1)
        assert int(row["predicted_floor"]) == np.sum(predicted == 1)


def test_pooled_metrics_follow_from_those_of_the_images(result: Path):
    with result.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    record = json.loads(result.read_text())["classes"]

    def total(kind: str, name: str) -> int:
        return sum(int(row[f"{kind}_{name}"]) for row in rows)

    for name, values in record.items():
        union = total("truth", name) + total("predicted", name) - total("hit", name)
        if union:
            assert values["iou"] == pytest.approx(total("hit", name) / union, abs=1e-9)
        else:
            assert values["iou"] is None


def test_examples_hold_what_the_network_predicts(result: Path, truth_and_prediction):
    truth, predicted = truth_and_prediction
    with h5py.File(result.with_suffix(".examples.h5")) as file:
        places = file["row"][:] - 26
        assert len(set(places)) == len(places) == 10
        assert np.array_equal(file["segmentation"][:], truth[places])
        assert np.array_equal(file["segmentation_prediction"][:], predicted[places])
        assert json.loads(file.attrs["classes"])[0] == "wall"


def test_at_the_original_size_of_unscaled_images_nothing_changes(
    result: Path, trained: Path, rooms: Path, rooms_split: Path, tmp_path: Path
):
    again = tmp_path / "0.json"
    evaluate(
        RUN, rooms, rooms_split, trained / WEIGHTS, [trained / TRAINING], again, size="original"
    )
    assert json.loads(again.read_text())["metrics"] == json.loads(result.read_text())["metrics"]


@pytest.mark.parametrize("count", [1, 2, 5, 12, 40])
def test_examples_are_chosen_once_each(count: int):
    miou = np.random.default_rng(0).random(count)
    miou[count // 2] = np.nan
    chosen = choose(miou)
    places = np.concatenate(list(chosen.values())).tolist()
    assert len(places) == len(set(places)) == min(count, 12)
    worst = [i for i in np.argsort(miou) if i not in chosen["fixed"]][: len(chosen["worst"])]
    assert chosen["worst"].tolist() == worst


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
def test_at_the_original_size_it_judges_what_predict_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fit: str
):
    """Images of uneven sizes, brought to 32 x 32; the masks that predict writes are the judge."""
    for name, rooms_of in (("images", "image"), ("masks", "mask")):
        (tmp_path / "data/odd" / name).mkdir(parents=True)
        for i, (height, width) in enumerate([(50, 70), (90, 40), (64, 64), (33, 120)] * 3):
            pixels = getattr(render(1, i, 128, 128), rooms_of)[:height, :width]
            Image.fromarray(pixels).save(tmp_path / "data/odd" / name / f"{i:02d}.png")
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path / "data"))
    reader = {"name": "folder", "images": "images/*.png", "masks": "masks/*.png"}
    classes = [{"name": name, "colour": colour} for name, colour in CLASSES]
    settings = {"dataset": "odd", "root": "odd", "reader": reader, "classes": classes, "size": 32}
    settings["fit"] = fit
    store, split = tmp_path / "odd.h5", tmp_path / "0.csv"
    prepare(json.dumps(settings), store)
    names = [f"{i:02d}" for i in range(12)]
    split_files.write(split, names, ["labelled"] * 4 + ["validation"] * 2 + ["test"] * 6)
    stage = tmp_path / "stage"
    assert train(Inputs(store, split), small_stage(precision="fp32"), 0, stage)
    evaluate(
        RUN, store, split, stage / WEIGHTS, [stage / TRAINING], tmp_path / "0.json", "original"
    )

    predict(stage / WEIGHTS, tmp_path / "data/odd/images", tmp_path / "out")

    def pixels(folder: Path) -> np.ndarray:
        return np.concatenate(
            [np.asarray(Image.open(folder / f"{n}.png")).ravel() for n in names[6:]]
        )

    truth, predicted = pixels(tmp_path / "data/odd/masks"), pixels(tmp_path / "out/masks")
    known = predicted != 255  # what a crop left out counts nowhere
    assert known.all() == (fit != "crop")
    truth, predicted = truth[known], predicted[known]
    metrics = json.loads((tmp_path / "0.json").read_text())["metrics"]
    expected = jaccard_score(truth, predicted, average="macro", zero_division=0)
    assert metrics["miou"] == pytest.approx(expected, abs=1e-6)
