"""Pseudo-masks: the predictions of a trained stage for the training images, for a later stage.

Their quality on the unlabelled images, whose hidden masks the dataset may have, is written beside
them. It is for people; no training reads it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.core.files import file_digest
from fewmask.core.progress import Bar, bar
from fewmask.data.batches import Batch, Images
from fewmask.data.pseudo_masks import Origin, write_pseudo_masks
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference.trained import Trained
from fewmask.metrics import table
from fewmask.metrics.calibration import calibration
from fewmask.metrics.records import write_record
from fewmask.metrics.segmentation import (
    class_scores,
    confusion,
    image_scores,
    scores,
    without_nan,
)
from fewmask.networks.weights import SNAPSHOT, load_other_weights


def pseudo_label(
    stage: str,
    dataset: Path,
    split: Path,
    weights: Path,
    output: Path,
    batch_size: int = 32,
    threads: int = 1,
) -> None:
    """Predict the masks of all training images of a split, labelled and unlabelled.

    Writes ``output`` (see `fewmask.data.pseudo_masks`) and, beside it, a ``.json`` with their
    quality (see `Quality`) on the unlabelled images. Validation and test images are not read.
    Where the training kept snapshots, the pseudo-mask of an image is as reliable as they agree with
    it: the mean of their mIoU, each over the classes of the image (Yang et al. 2022, ST++, 3.3).

    Args:
        stage: the stage of the weights, as METHOD/STAGE, for the record.

    Raises:
        FewmaskError: the weights were trained on other data or with another split.
    """
    # Other bits would be other pseudo-masks, and everything that learns them would be retrained.
    trained = Trained.load(weights, threads, deterministic=True)
    with Store(dataset) as store:
        roles = split_files.read(split, store.names)
        trained.check(store, split, roles)
        rows = np.concatenate([roles["labelled"], roles["unlabelled"]])
        device, scaling = trained.runtime.device, trained.scaling
        tasks = ["segmentation"]
        images = Images(store, rows, device, tasks, scaling=scaling, each_pixel_once=True)
        quality = Quality(store, roles["unlabelled"])
        origin = _origin(store, weights, output.parent)
        with bar("pseudo-label", len(rows)) as shown:
            parts = _predict(trained, _snapshots(trained), images, batch_size, quality, shown)
            write_pseudo_masks(output, images.rows, images.size, parts, origin)
    digests = {
        "dataset": origin.dataset_digest,
        "split": file_digest(split),
        "weights": origin.weights_digest,
    }
    record = {"stage": stage, **quality.metrics(), "digests": digests}
    write_record(output.with_suffix(".json"), record)


class Quality:
    """The quality of pseudo-masks, over the pixels of all unlabelled images that have a mask.

    It consists of the metrics of pseudo-masks, and of metrics for every class.
    """

    def __init__(self, store: Store, unlabelled: np.ndarray) -> None:
        """``unlabelled``: int64, the rows of the images that are compared."""
        self.classes, self.unlabelled = store.classes, unlabelled
        count, classes = len(store.images), len(store.classes)
        self._images = store.images.of_rows
        self._matrices = np.zeros((count, classes, classes), np.int64)
        self._compared = np.zeros(count, bool)
        self._pixels = np.zeros((2, 256), np.int64)  # wrong and right, by confidence

    def add(self, rows: np.ndarray, mask: Tensor, labels: Tensor, confidence: Tensor) -> None:
        """Compare pseudo-masks of some ``rows`` with their masks; all are (N, H, W), on the CPU."""
        known = (mask != IGNORE).flatten(1).any(dim=1)
        chosen = torch.from_numpy(np.isin(rows, self.unlabelled)) & known
        mask, labels, confidence = mask[chosen], labels[chosen], confidence[chosen]
        images = self._images[rows[chosen.numpy()]]
        self._compared[images] = True
        matrices = confusion(labels.long(), mask, len(self.classes)).numpy()
        np.add.at(self._matrices, images, matrices)
        cells = (256 * (labels == mask) + confidence.long())[mask != IGNORE]
        self._pixels += torch.bincount(cells, minlength=512).view(2, 256).numpy()

    def metrics(self) -> dict[str, Any]:
        """The number of images and the metrics; null where nothing could be compared."""
        matrices = self._matrices[self._compared]
        pooled, of_classes = scores(matrices), class_scores(matrices.sum(axis=0))
        values = pooled | calibration(*self._pixels)
        chosen = {name: values[name] for name in table.names(table.measured_on("pseudo_masks"))}
        return {
            "images": len(matrices),
            **without_nan(chosen),
            "classes": {
                name: without_nan({kind: float(of_one[i]) for kind, of_one in of_classes.items()})
                for i, name in enumerate(self.classes)
            },
        }


def _origin(store: Store, weights: Path, folder: Path) -> Origin:
    """The origin of pseudo-masks in a folder."""
    return Origin(
        dataset=store.dataset,
        dataset_file=os.path.relpath(store.path, folder),
        dataset_digest=store.digest,
        weights_file=os.path.relpath(weights, folder),
        weights_digest=file_digest(weights),
        classes=store.classes,
    )


def _snapshots(trained: Trained) -> list[Trained]:
    """The network as it was on the way, for as many snapshots as its training kept."""
    if trained.description.training.snapshots == 1:
        return []  # the file need not be read again
    others = load_other_weights(trained.weights).items()
    return [trained.with_weights(one) for name, one in others if name.startswith(SNAPSHOT)]


def _predict(
    trained: Trained,
    snapshots: list[Trained],
    images: Images,
    batch_size: int,
    quality: Quality,
    shown: Bar,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Labels and confidence, batch by batch, uint8 (N, H, W), and reliability, float64 (N)."""
    for batch in images.in_order(batch_size):
        with torch.no_grad():
            logits = _logits(trained, batch)
            padding = batch.inside[:, 0] == 0
            probability = logits.softmax(dim=1).amax(dim=1)
            labels = logits.argmax(dim=1).masked_fill(padding, IGNORE).byte().cpu()
            confidence = (255 * probability).round().masked_fill(padding, 0).byte().cpu()
            of_snapshots = [_logits(one, batch).argmax(dim=1).cpu() for one in snapshots]
        quality.add(batch.rows, batch.mask.cpu(), labels, confidence)
        yield labels.numpy(), confidence.numpy(), _agreement(of_snapshots, labels, logits.shape[1])
        shown.more(len(batch.rows))


def _logits(trained: Trained, batch: Batch) -> Tensor:
    with trained.runtime.autocast():
        return trained.network(batch.image, batch.inside)["segmentation"].float()


def _agreement(predictions: list[Tensor], labels: Tensor, classes: int) -> np.ndarray:
    """The mean mIoU of predictions with labels, image by image, float64 (N); NaN without any."""
    of_each = [image_scores(confusion(one, labels, classes).numpy())["miou"] for one in predictions]
    return np.mean(of_each, axis=0) if of_each else np.full(len(labels), np.nan)
