"""Synthetic runs: metrics files and example predictions such as an evaluation leaves."""

import json
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from fewmask.core.files import file_digest
from fewmask.core.paths import HISTORY, TRAINING, Layout
from fewmask.data.store.hdf5 import seal
from fewmask.metrics.records import write_record
from fewmask.planning.requested import Requested
from fewmask.report.figures.tiles import Tile

CLASSES = ["wall", "box"]
KINDS = ["hit", "truth", "predicted"]
TRAINED = {"evaluation": {"metric": "miou"}}
"""The settings of a stage."""
PALETTE = np.array([[40, 40, 40], [230, 159, 0]], np.uint8)


RECORD = {
    **{"seconds": 12.5, "peak_memory_mb": None, "images_seen": 40, "steps": 20, "device": "cpu"},
    **{"version": "1", "network": {}, "dataset": {}, "seed": 0, "digests": {}},
    **{"gpus": 0, "history": "", "training": {"steps": 20, "optimiser": {"learning_rate": 3e-4}}},
}
"""What a training.json states."""


def write_run(dataset="scenes", method="supervised", fraction="n10", seed=0, **values):
    """Write a run's three files below the current folder; ``values`` replace the defaults."""
    labelled = values.get("labelled", 10)
    miou = values.get("miou", 0.5)
    images = values.get("images", [miou] * 6)
    if "miou" not in values and "images" in values:
        miou = pooled(images)
    cell = {"dataset": dataset, "method": method, "fraction": fraction, "seed": seed}
    seconds = values.get("seconds", 90.0)
    stage = {"cell": f"{dataset}/{method}/{fraction}/{seed}/supervised", "gpus": 0}
    record = {
        **cell,
        "images": {
            "labelled": labelled,
            "unlabelled": 20,
            "validation": values.get("validation", 5),
            "test": len(images),
        },
        **({"tiles": values["tiles"]} if "tiles" in values else {}),
        "metrics": {
            "miou": miou,
            "pixel_accuracy": values.get("pixel_accuracy", 0.9),
            "class_accuracy": 0.6,
            "precision": 0.7,
            "recall": 0.6,
            "f1": 0.65,
            "dice": values.get("dice", 0.64),
            "cross_entropy": values.get("cross_entropy", 0.25),
            "focal_loss": 0.1,
            "dice_loss": 0.4,
        },
        "classes": {
            name: {"iou": iou, "precision": 0.9, "recall": 0.8, "f1": 0.85, "dice_loss": 0.2}
            for name, iou in values.get("classes", {"wall": 0.8, "box": 0.2}).items()
        },
        "cost": {
            "seconds": seconds,
            "peak_memory_mb": 900,
            "images_seen": 4800,
            "stages": [stage | one for one in values.get("stages", [{"seconds": seconds}])],
        },
        "pseudo_masks": values.get("pseudo_masks", []),
        "last_weights": values.get("last_weights", {}),
        "provenance": {
            "version": "0.1.0",
            "stages": values.get("trainings", [TRAINED] * len(values.get("stages", [1]))),
            "gpus": 0,
            "dataset": {},
            "digests": {},
            "evaluated_at": "network",
            **values.get("provenance", {}),
        },
    }
    path = Path(Layout().metrics.format(**cell))
    write_record(path, record)
    write_images(path.with_suffix(".csv"), images)
    write_examples(Path(Layout().examples.format(**cell)), **values)
    return path


def pooled(miou):
    """The mIoU of the pixels of all images that `write_images` writes."""
    hits = np.mean([2 * one / (1 + one) for one in miou])
    return hits / (2 - hits)


def write_images(path, miou, pixels=100_000, groups=None):
    """Write the table of test images, each with this mIoU; None: without a labelled pixel.

    Both classes have as many pixels in the truth and in the prediction. ``groups``: of the images.
    """
    lines = ["name,row,group,miou," + ",".join(f"{kind}_{c}" for kind in KINDS for c in CLASSES)]
    for i, one in enumerate(miou):
        hit, all_of_class = (0, 0) if one is None else (round(2 * pixels * one / (1 + one)), pixels)
        counts = [hit] * 2 + [all_of_class] * 4
        group, score = groups[i] if groups else "", "nan" if one is None else one
        lines.append(f"image_{i},{i},{group},{score}," + ",".join(map(str, counts)))
    path.write_text("\n".join(lines) + "\n")


def write_examples(path, names=("a", "b", "c"), extents=((16, 24), (24, 16), (24, 24)), **_):
    """Write example predictions: fixed ones, then the median and the worst."""
    n = len(names)
    random = np.random.default_rng(0)
    mask = random.integers(0, 2, (n, 24, 24)).astype(np.uint8)
    prediction = random.integers(0, 2, (n, 24, 24)).astype(np.uint8)
    mask[:, :4, :4] = 255
    with h5py.File(path, "w") as file:
        file["image"] = random.integers(0, 256, (n, 24, 24, 3)).astype(np.uint8)
        file["segmentation"], file["segmentation_prediction"] = mask, prediction
        file["extent"] = np.array(extents[:n], np.int32)
        file["name"] = list(names)
        file["segmentation_value"] = np.linspace(0.3, 0.7, n)
        file["choice"] = [*["fixed"] * (n - 1), "worst"]
        file.attrs["classes"] = json.dumps(CLASSES)
        file.attrs["palette"] = PALETTE
        file.attrs["tasks"] = '["segmentation"]'
        seal(file)


def write_restored(path, error):
    """Add perturbed and restored images to example predictions, all of which differ from the
    originals by this error."""
    random = np.random.default_rng(1)
    with changed_examples(path) as file:
        for name in ("perturbed", "restored"):
            file[name] = random.integers(0, 256, file["image"].shape).astype(np.uint8)
        file["perturbed_error"] = np.full(len(file["image"]), 0.75)
        file["restored_error"] = np.full(len(file["image"]), error)


@contextmanager
def changed_examples(path):
    """The file of example predictions, to be changed as if an evaluation had written it so."""
    with h5py.File(path, "r+") as file:
        yield file
        seal(file)


def write_history(cell, validation, metric="miou"):
    """Write the history of a stage, DATASET/METHOD/FRACTION/SEED/STAGE, evaluated every 10 steps.

    Returns its part of a metrics file: its cost and its settings.
    """
    others = {} if metric == "loss" else {"validation_loss": 0.5}
    lines = [",".join(["step", "loss", f"validation_{metric}", *others])]
    for i, value in enumerate(validation):
        lines.append(",".join(map(str, [10 * (i + 1), 1 / (i + 1), value, *others.values()])))
    write_training(cell, "\n".join(lines) + "\n")
    return {"seconds": 90.0, "cell": cell}, {"evaluation": {"metric": metric}}


def write_training(cell, history):
    """Write the history of a stage, and the record of its training."""
    folder = Path("results/stages") / cell
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HISTORY).write_text(history)
    write_record(folder / TRAINING, RECORD | {"history": file_digest(folder / HISTORY)})


def requested(**axes):
    """An experiment, as `requested_by` makes it of a grid."""
    smallest = {"datasets": ["scenes"], "methods": ["supervised"], "fractions": ["n10"]}
    return Requested(**{"title": "A title", "seeds": [0]} | smallest | axes)


def tiles(figure):
    """The images on a figure, in the order in which they were put there."""
    return [one for one in figure.artists if isinstance(one, Tile)]


def assert_apart(boxes, page):
    """Assert that boxes lie on the page and that none overlaps another by over two pixels."""
    for i, box in enumerate(boxes):
        assert page.x0 <= box.x0 <= box.x1 <= page.x1
        assert page.y0 <= box.y0 <= box.y1 <= page.y1
        assert not any(box.padded(-1).overlaps(other.padded(-1)) for other in boxes[:i])
