"""Pseudo-labelling, against a plain loop over the images, one by one."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score, precision_score, recall_score

from fewmask.core.errors import FewmaskError
from fewmask.core.paths import WEIGHTS
from fewmask.data.inspection.pseudo_masks import inspect
from fewmask.data.preparation.rows import Row
from fewmask.data.pseudo_masks import PseudoMasks
from fewmask.data.rendered.scenes import CLASSES, render
from fewmask.data.splits import file as split_files
from fewmask.data.store.hdf5 import seal
from fewmask.data.store.store import Store
from fewmask.data.store.writer import StoreWriter
from fewmask.inference.pseudo_label import pseudo_label
from fewmask.networks.weights import load_segmenter
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage

EXTENTS = {1: (32, 20), 13: (25, 32), 14: (32, 17)}
"""Of the padded images; all others fill the frame."""
WITHOUT_MASK = 15
ROLES = ["labelled"] * 12 + ["unlabelled"] * 8 + ["validation"] * 6 + ["test"] * 10


@pytest.fixture(scope="module")
def halls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 images: some padded, some with ignored pixels, an unlabelled one without a mask."""
    classes = [{"name": name, "colour": colour} for name, colour in CLASSES]
    reader = {"name": "scenes", "images": 36}
    settings = {"dataset": "halls", "reader": reader, "classes": classes, "size": (32, 32)}
    path = tmp_path_factory.mktemp("data") / "halls.h5"
    with StoreWriter(path, json.dumps(settings)) as writer:
        for i in range(36):
            room = render(0, i, 32, 32)
            mask, (height, width) = room.mask.copy(), EXTENTS.get(i, (32, 32))
            mask[height:], mask[:, width:] = 255, 255
            mask[3:6, 4:8] = 255
            if i == WITHOUT_MASK:
                mask[:] = 255
            writer.append(
                Row(f"p{i:02d}", "", (32, 32), (height, width), room.image, {"mask": mask})
            )
    return path


def write_split(path: Path, roles: list[str]) -> Path:
    split_files.write(path, [f"p{i:02d}" for i in range(len(roles))], roles)
    return path


@pytest.fixture(scope="module")
def split(halls: Path) -> Path:
    return write_split(halls.parent / "0.csv", ROLES)


@pytest.fixture(scope="module")
def weights(halls: Path, split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stage")
    assert train(Inputs(halls, split), small_stage(precision="fp32", steps=30), 0, folder)
    return folder / WEIGHTS


@pytest.fixture(scope="module")
def made(halls: Path, split: Path, weights: Path) -> Path:
    output = weights.parent / "pseudo_masks.h5"
    pseudo_label("chain/first", halls, split, weights, output, batch_size=7)
    return output


@pytest.fixture(scope="module")
def naive(halls: Path, weights: Path) -> tuple[np.ndarray, np.ndarray]:
    """Labels and confidence of rows 0 to 19, image by image."""
    network, _ = load_segmenter(weights, torch.device("cpu"))
    labels, confidence = [], []
    with Store(halls) as store:
        for row in range(20):
            image = torch.from_numpy(store.read("image", [row])).permute(0, 3, 1, 2) / 255
            height, width = store.extents[row]
            inside = torch.zeros(1, 1, 32, 32)
            inside[..., :height, :width] = 1
            with torch.no_grad():
                shares = torch.softmax(network(image, inside)["segmentation"][0], dim=0).numpy()
            label, sure = shares.argmax(axis=0), np.round(255 * shares.max(axis=0))
            label[height:], label[:, width:] = 255, 255
            sure[height:], sure[:, width:] = 0, 0
            labels.append(label)
            confidence.append(sure)
    return np.array(labels), np.array(confidence)


def test_they_are_what_the_network_predicts_in_evaluation_mode(made: Path, naive):
    labels, confidence = naive
    assert len(np.unique(labels)) > 3, "a network that predicts one class proves little"
    with PseudoMasks(made) as found:
        rows = np.arange(20)
        # Batches sum in another order than single images: a tie may fall to the other side.
        assert np.mean(found.labels(rows) != labels) < 1e-3
        apart = np.abs(found.confidence(rows).astype(int) - confidence)
        assert apart.max() <= 1
        assert np.mean(apart) < 0.01


def test_only_training_images_are_there(made: Path, halls: Path, weights: Path):
    with PseudoMasks(made) as found, Store(halls) as store:
        assert found.rows.tolist() == list(range(20))
        found.check(store)
        assert found.origin.dataset == "halls"
        assert found.origin.weights_file == WEIGHTS
        assert (made.parent / found.origin.dataset_file).resolve() == halls


def test_the_padding_is_ignored(made: Path):
    with PseudoMasks(made) as found:
        for row in range(20):
            height, width = EXTENTS.get(row, (32, 32))
            inside = np.zeros((32, 32), bool)
            inside[:height, :width] = True
            labels, confidence = found.labels([row])[0], found.confidence([row])[0]
            assert ((labels == 255) == ~inside).all()
            assert (confidence[inside] >= 255 // 7).all()
            assert not confidence[~inside].any()


def test_a_rerun_writes_the_same_bytes(made: Path, halls: Path, split: Path, weights: Path):
    again = weights.parent / "again.h5"
    pseudo_label("chain/first", halls, split, weights, again, batch_size=7)
    assert again.read_bytes() == made.read_bytes()
    assert again.with_suffix(".json").read_bytes() == made.with_suffix(".json").read_bytes()


def pairs(made: Path, halls: Path, rows: range) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, pseudo-mask and confidence of the pixels that count."""
    with PseudoMasks(made) as found, Store(halls) as store:
        truth = store.read("mask", np.array(rows))
        counts = truth != 255
        return truth[counts], found.labels(rows)[counts], found.confidence(rows)[counts] / 255


def test_quality_is_that_of_the_unlabelled_images(made: Path, halls: Path):
    record = json.loads(made.with_suffix(".json").read_text())
    truth, labels, confidence = pairs(made, halls, range(12, 20))
    assert record["stage"] == "chain/first"
    assert record["images"] == 7  # one has no mask
    among = np.union1d(truth, labels)
    options = {"labels": among, "zero_division": 0}
    expected = jaccard_score(truth, labels, average="macro", **options)
    assert record["miou"] == pytest.approx(expected, abs=1e-9)
    assert record["pixel_accuracy"] == pytest.approx(np.mean(truth == labels), abs=1e-9)
    recalls = recall_score(truth, labels, average=None, labels=np.unique(truth), zero_division=0)
    assert record["class_accuracy"] == pytest.approx(recalls.mean(), abs=1e-9)
    assert record["mean_confidence"] == pytest.approx(confidence.mean(), abs=1e-9)
    values = {"iou": jaccard_score, "precision": precision_score, "recall": recall_score}
    for name, score in values.items():
        of_classes = dict(zip(among, score(truth, labels, average=None, **options), strict=True))
        for k, of_class in enumerate(record["classes"].values()):
            assert of_class[name] == (
                pytest.approx(of_classes[k], abs=1e-9) if k in among else None
            )


def test_the_calibration_error_agrees_with_a_plain_loop(made: Path, halls: Path):
    truth, labels, confidence = pairs(made, halls, range(12, 20))
    bins = [[] for _ in range(15)]
    for right, sure in zip(truth == labels, confidence, strict=True):
        place = next(b for b in range(15) if sure <= (b + 1) / 15 + 1e-12)
        bins[place].append((right, sure))
    error = 0.0
    for held in filter(None, bins):
        right, sure = np.array(held).T
        error += len(held) / len(truth) * abs(sure.mean() - right.mean())
    assert sum(bool(held) for held in bins) > 5
    record = json.loads(made.with_suffix(".json").read_text())
    assert record["calibration_error"] == pytest.approx(error, abs=1e-9)


@pytest.mark.parametrize("others", ["none", "without masks"])
def test_without_unlabelled_truth_figures_are_null(halls: Path, tmp_path: Path, others: str):
    roles = ["labelled"] * 12 + [""] * 24
    if others == "without masks":
        roles[WITHOUT_MASK] = "unlabelled"
    split = write_split(tmp_path / "0.csv", roles)
    stage = small_stage(steps=2, evaluation={"every": 1, "metric": "none"}, schedule={})
    assert train(Inputs(halls, split), stage, 0, tmp_path)
    pseudo_label("chain/first", halls, split, tmp_path / WEIGHTS, tmp_path / "a.h5")
    record = json.loads((tmp_path / "a.json").read_text())
    assert record["images"] == 0
    assert {record[n] for n in ("miou", "pixel_accuracy", "calibration_error")} == {None}
    assert set(record["classes"]["wall"].values()) == {None}


def test_hidden_masks_do_not_change_pseudo_masks(
    made: Path, halls: Path, split: Path, weights: Path, tmp_path: Path
):
    """The masks of unlabelled, validation and test images are changed, and the digest is kept."""
    copy = tmp_path / "halls.h5"
    copy.write_bytes(halls.read_bytes())
    with h5py.File(copy, "r+") as file:
        masks = file["mask"][12:]
        file["mask"][12:] = np.where(masks == 255, 255, (masks + 1) % 7)
    pseudo_label("chain/first", copy, split, weights, tmp_path / "a.h5", batch_size=7)
    with PseudoMasks(made) as one, PseudoMasks(tmp_path / "a.h5") as other:
        assert np.array_equal(one.labels(one.rows), other.labels(one.rows))
        assert np.array_equal(one.confidence(one.rows), other.confidence(one.rows))
    files = (made.with_suffix(".json"), tmp_path / "a.json")
    before, after = (json.loads(file.read_text()) for file in files)
    assert before["miou"] != after["miou"]


def test_weights_of_other_data_are_refused(halls: Path, split: Path, weights: Path, tmp_path: Path):
    other = tmp_path / "halls.h5"
    other.write_bytes(halls.read_bytes())
    with h5py.File(other, "r+") as file:
        file.attrs["digest"] = "0" * 64
        seal(file)
    with pytest.raises(FewmaskError, match="trained on other data than"):
        pseudo_label("chain/first", other, split, weights, tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()


def test_inspect_tells_what_they_are(made: Path, halls: Path, weights: Path, tmp_path: Path):
    text = inspect(made, tmp_path / "a.png")
    quality = json.loads(made.with_suffix(".json").read_text())
    assert "20 of the 36 images of halls" in text
    assert f"{weights}, digest" in text
    assert f"mIoU {100 * quality['miou']:.1f} %" in text
    assert "on 7 unlabelled images whose masks are known" in text
    with PseudoMasks(made) as found:
        predicted = found.labels(found.rows)
    share = 100 * np.sum(predicted == 1) / np.sum(predicted != 255)
    line = next(line for line in text.splitlines() if line.startswith("floor"))
    assert f"{share:.1f} %" in line
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_inspect_needs_the_dataset(made: Path, halls: Path, tmp_path: Path):
    alone = tmp_path / "copy" / "pseudo_masks.h5"
    alone.parent.mkdir()
    alone.write_bytes(made.read_bytes())
    with pytest.raises(FewmaskError, match="--dataset"):
        inspect(alone, tmp_path / "a.png")
    text = inspect(alone, tmp_path / "a.png", halls)
    assert "(not there)" in text
    assert "no pseudo_masks.json beside them" in text


def test_inspect_refuses_the_quality_of_other_weights(made: Path, halls: Path, tmp_path: Path):
    (tmp_path / "a.h5").write_bytes(made.read_bytes())
    record = json.loads(made.with_suffix(".json").read_text())
    record["digests"]["weights"] = "0" * 64
    (tmp_path / "a.json").write_text(json.dumps(record))
    assert "a.json is of other weights" in inspect(tmp_path / "a.h5", tmp_path / "a.png", halls)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(FewmaskError, match="damaged"):
        inspect(tmp_path / "a.h5", tmp_path / "a.png", halls)
