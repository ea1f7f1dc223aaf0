"""Metrics of a trained network on the test images: one run's last job."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fewmask import IGNORE
from fewmask.config.task import Errors, load
from fewmask.core.cells import Run
from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole
from fewmask.core.progress import bar
from fewmask.data.batches import Batch, Images
from fewmask.data.preparation.fit import unfit
from fewmask.data.preparation.original_masks import OriginalMasks
from fewmask.data.splits import file as split_files
from fewmask.data.store.hdf5 import hdf5_written_whole
from fewmask.data.store.store import Store
from fewmask.inference.trained import Trained
from fewmask.metrics import table
from fewmask.metrics.pooled_losses import PooledLosses
from fewmask.metrics.records import TrainingRecord, read_quality, read_training, write_record
from fewmask.metrics.segmentation import (
    class_scores,
    confusion,
    image_scores,
    scores,
    without_nan,
)
from fewmask.networks.mean import Predictor
from fewmask.objectives.assessment import predictions
from fewmask.training.runtime import Runtime, describe

EXAMPLES = {"fixed": 6, "median": 3, "worst": 3}
"""How many test images are kept with their predictions: the same ones in every run, those whose
mIoU is nearest to the median, and the worst."""


def evaluate(
    run: Run,
    dataset: Path,
    split: Path,
    weights: Path,
    trainings: list[Path],
    output: Path,
    size: str = "network",
    batch_size: int = 32,
    threads: int = 1,
    pseudo_masks: Sequence[Path] = (),
) -> None:
    """Evaluate a run's weights on its test images.

    Writes ``output`` (JSON: metrics, figures of the classes, cost, provenance), a ``.csv`` beside
    it with the figures of every image, and an ``.examples.h5`` with some predictions.

    Args:
        run: the cell of the grid, for the record.
        trainings: training.json of all stages of the run, for cost and provenance.
        size: ``network`` compares at the size that the dataset was prepared in, ``original`` maps
            predictions back and compares with the mask files as they are (the losses are those
            at the prepared size all the same).
        pseudo_masks: pseudo_masks.json of the stages whose pseudo-masks others learnt, for the
            record.

    Raises:
        FewmaskError: the weights were trained on other data, with another split or seed, or are
            not those that the last training wrote; a record is damaged; or there are no test
            images.
    """
    records = [read_training(path) for path in trainings]
    qualities = [read_quality(path) for path in pseudo_masks]
    trained = Trained.load(weights, threads)
    network, runtime = trained.network, trained.runtime
    with Store(dataset) as store:
        roles = split_files.read(split, store.names)
        trained.check(store, split, roles)
        _check_trainings(run, trained, dict(zip(trainings, records, strict=True)))
        if not len(roles["test"]):
            raise FewmaskError(f"{split}: no test images; set split.test in the dataset")
        images = Images(store, roles["test"], runtime.device, list(network.tasks))
        segments = "segmentation" in trained.predicts
        errors = {task: load(task).errors() for task in network.tasks}
        matrices, losses = _assess(network, images, runtime, batch_size, size, segments, errors)
        of_images = image_scores(matrices)
        _write_images(output.with_suffix(".csv"), store, images.rows, matrices, of_images)
        chosen = _choose(of_images["miou"])
        _write_examples(output.with_suffix(".examples.h5"), trained, images, chosen)
        result = {
            **asdict(run),
            "images": {role: len(rows) for role, rows in roles.items()},
            "metrics": without_nan(
                scores(matrices)
                | losses.scores()
                | {name: value for one in errors.values() for name, value in one.scores().items()}
            ),
            "classes": _of_classes(matrices.sum(axis=0), losses, store.classes),
            "cost": _cost(trainings, records),
            "pseudo_masks": [one.model_dump(exclude_unset=True) for one in qualities],
            "provenance": {
                **trained.description.record,
                **describe(runtime),
                "evaluated_at": size,
                "stages": [record.training for record in records],
            },
        }
    write_record(output, result)


def _check_trainings(run: Run, trained: Trained, trainings: dict[Path, TrainingRecord]) -> None:
    """Raise FewmaskError if a training had another seed than the run, or if the last of them is not
    that of the weights."""
    seeds = {trained.weights: trained.description.seed}
    seeds |= {path: record.seed for path, record in trainings.items()}
    for path, seed in seeds.items():
        if seed != run.seed:
            raise FewmaskError(
                f"{path}: trained with another seed\n  found: {seed}\n  expected: {run.seed}"
            )
    told, (path, last) = trained.description.record, list(trainings.items())[-1]
    if {name: getattr(last, name) for name in told} != told:
        raise FewmaskError(
            f"{path}: of another training than {trained.weights}\n"
            f"  expected: the files that one training wrote, side by side in its folder"
        )


def _assess(
    network: Predictor,
    images: Images,
    runtime: Runtime,
    batch_size: int,
    size: str,
    segments: bool,
    errors: dict[str, Errors],
) -> tuple[np.ndarray, PooledLosses]:
    """The confusion matrices of all images, int64 (N, K, K), in the order of their rows; and
    their losses, which are always those at the network's size, as are the ``errors`` of further
    tasks that are added up on the way.

    Of a network that has not learnt to segment nothing is compared, so that all are 0.
    """
    batches, losses = images.in_order(batch_size), PooledLosses()
    if not segments:
        batches = (replace(one, mask=torch.full_like(one.mask, IGNORE)) for one in batches)
    compare = _at_network_size
    if segments and size == "original":
        compare = _at_original_size(images.store)
    matrices: list[torch.Tensor] = []
    with bar("evaluate", len(images.rows)) as shown:
        for batch, outputs in predictions(network, batches, runtime.autocast):
            logits = outputs["segmentation"].float()
            matrices += compare(batch, logits)
            losses.add(logits, batch.mask)
            for task, error in errors.items():
                error.add(outputs[task], batch.truth[task])
            shown.more(len(batch.rows))
    return torch.cat(matrices).cpu().numpy(), losses


def _at_network_size(batch: Batch, logits: torch.Tensor) -> list[torch.Tensor]:
    """Compare predictions with the masks of the store."""
    return [confusion(logits.argmax(dim=1), batch.mask, logits.shape[1])]


def _at_original_size(store: Store) -> Callable[[Batch, torch.Tensor], Iterable[torch.Tensor]]:
    """What compares predictions, brought back to their images' own sizes, with the mask files."""
    originals = OriginalMasks(store)

    def compare(batch: Batch, logits: torch.Tensor) -> Iterator[torch.Tensor]:
        for row, predicted in zip(batch.rows, logits.argmax(dim=1).cpu().numpy(), strict=True):
            truth = originals.read(row)
            back = unfit(predicted.astype(np.uint8), truth.shape, store.fit)
            # Of what a crop left out there is no prediction: it counts nowhere.
            truth = np.where(back == IGNORE, IGNORE, truth)
            pair = torch.from_numpy(back).long()[None], torch.from_numpy(truth)[None]
            yield confusion(*pair, len(store.classes))

    return compare


def _write_images(
    path: Path, store: Store, rows: np.ndarray, matrices: np.ndarray, figures: dict[str, Any]
) -> None:
    """One row an image: its figures, and what pooled figures of any set of images need."""
    counts = {
        "hit": np.diagonal(matrices, axis1=1, axis2=2),
        "truth": matrices.sum(axis=2),
        "predicted": matrices.sum(axis=1),
    }
    header = [f"{kind}_{name}" for kind in counts for name in store.classes]
    with written_whole(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "row", *figures, *header])
        for i, row in enumerate(rows):
            of_image = [f"{values[i]:.6f}" for values in figures.values()]
            pixels = np.concatenate([values[i] for values in counts.values()])
            writer.writerow([store.names[row], row, *of_image, *pixels])


def _choose(miou: np.ndarray) -> dict[str, np.ndarray]:
    """Places of the images to keep, by why they were chosen, each at most once."""
    by_miou = [int(i) for i in np.argsort(miou, kind="stable") if not np.isnan(miou[i])]
    fixed = np.linspace(0, len(miou) - 1, min(EXAMPLES["fixed"], len(miou))).astype(int)
    from_middle = sorted(by_miou, key=lambda i: abs(by_miou.index(i) - len(by_miou) // 2))
    taken = set(fixed.tolist())
    chosen = {"fixed": fixed}
    for why, order in (("worst", by_miou), ("median", from_middle)):
        places = [i for i in order if i not in taken][: EXAMPLES[why]]
        taken.update(places)
        chosen[why] = np.array(places, dtype=int)
    return chosen


def _write_examples(
    path: Path, trained: Trained, images: Images, chosen: dict[str, np.ndarray]
) -> None:
    """Images, truth and predictions, of all tasks that the network has learnt."""
    store = images.store
    rows = images.rows[np.concatenate(list(chosen.values()))]
    batch = images.batch(rows)
    [(_, outputs)] = predictions(trained.network, [batch], trained.runtime.autocast)
    prediction, truth = outputs["segmentation"].argmax(dim=1), batch.mask
    segments = "segmentation" in trained.predicts
    hidden = torch.full_like(truth, IGNORE)
    matrices = confusion(prediction, truth if segments else hidden, len(store.classes))
    why = [name for name, places in chosen.items() for _ in places]
    with hdf5_written_whole(path) as file:
        file["row"], file["choice"] = rows, why
        file["name"] = [store.names[row] for row in rows]
        file["miou"] = image_scores(matrices.cpu().numpy())["miou"]
        file["extent"] = store.extents[rows]
        for name, values in {
            "image": store.read("image", rows),
            "mask": store.read("mask", rows),
            "prediction": (prediction if segments else hidden).cpu().numpy().astype(np.uint8),
            **{task: store.read(load(task).field, rows) for task in trained.network.tasks},
            **{f"{task}_prediction": _as_stored(outputs[task]) for task in trained.network.tasks},
        }.items():
            file.create_dataset(name, data=values, compression="gzip")
        file.attrs["classes"] = json.dumps(store.classes)
        file.attrs["palette"] = store.palette
        file.attrs["ignore"] = IGNORE


def _as_stored(maps: torch.Tensor) -> np.ndarray:
    """(N, C, H, W) with channels last; without channels as it is."""
    return (maps if maps.ndim == 3 else maps.permute(0, 2, 3, 1)).cpu().numpy()


def _of_classes(
    pooled: np.ndarray, losses: PooledLosses, names: list[str]
) -> dict[str, dict[str, float | None]]:
    found = class_scores(pooled) | {"dice_loss": losses.class_scores()}
    kinds = table.names(table.class_metrics())
    return {
        name: without_nan({kind: float(found[kind][i]) for kind in kinds})
        for i, name in enumerate(names)
    }


def _cost(paths: list[Path], trainings: list[TrainingRecord]) -> dict[str, Any]:
    """What the stages of a run took together, and each of them."""
    kept = {"seconds", "peak_memory_mb", "images_seen", "steps", "device", "gpus"}
    memory = [one.peak_memory_mb for one in trainings if one.peak_memory_mb is not None]
    return {
        "seconds": round(sum(one.seconds for one in trainings), 3),
        "peak_memory_mb": max(memory, default=None),
        "images_seen": sum(one.images_seen for one in trainings),
        "stages": [
            {"cell": _stage_cell(path)} | one.model_dump(include=kept, exclude_unset=True)
            for path, one in zip(paths, trainings, strict=True)
        ],
    }


def _stage_cell(training: Path) -> str:
    """Which stage it is: the end of its folder's path, dataset/method/fraction/seed/stage."""
    return "/".join(training.absolute().parent.parts[-5:])
