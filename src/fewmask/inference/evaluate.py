"""Metrics of a trained network on the test images: one run's last job."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from fewmask.config.task import load
from fewmask.core.cells import Run
from fewmask.core.errors import FewmaskError
from fewmask.core.files import remove_checkpoint
from fewmask.core.progress import Bar, bar
from fewmask.data.batches import Images
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference.cost import cost
from fewmask.inference.examples import write_examples
from fewmask.inference.image_table import write_image_table
from fewmask.inference.inputs import EvaluationInputs
from fewmask.inference.kept import Kept
from fewmask.inference.restorer import Restorer
from fewmask.inference.strips import stored_strips
from fewmask.inference.trained import Trained, check_trained_on
from fewmask.metrics import table
from fewmask.metrics.errors import Errors
from fewmask.metrics.records import TrainingRecord, write_record
from fewmask.metrics.segmentation import without_nan
from fewmask.networks.weights import LAST_WEIGHTS, load_other_weights
from fewmask.objectives.assessment import predictions
from fewmask.training.runtime import describe

BATCH_SIZE = 32

Size = Literal["network", "original"]
"""The size at which predictions are compared: that of the prepared images, or, for tasks whose
files can be read again, that of each file (see `Task.errors_on_test_images`)."""


def evaluate(
    run: Run, inputs: EvaluationInputs, output: Path, size: Size = "network", threads: int = 1
) -> None:
    """Evaluate a run's weights on its test images.

    Writes ``output`` (JSON: metrics, those of the classes, those of the weights after the last
    step where the training kept them, cost, provenance), a ``.csv`` beside it
    with the metrics of every image, and an ``.examples.h5`` with some predictions. Then the
    checkpoints of the run's stages are removed.

    Raises:
        FewmaskError: the weights were trained on other data, with another split or seed, or are
            not those that the last training wrote; a record is damaged; or there are no test
            images.
    """
    trainings, qualities = inputs.training_records(), inputs.qualities()
    trained = Trained.load(inputs.weights, threads)
    device = trained.runtime.device
    restorer = inputs.restored_by and Restorer.load(inputs.restored_by, device)
    with Store(inputs.dataset) as store:
        roles = split_files.read(inputs.split, store.names)
        trained.check(store, inputs.split, roles)
        if restorer:
            check_trained_on(restorer.weights, restorer.description, store, inputs.split, roles)
        _check_seeds(run, trained, trainings, restorer)
        _check_last(trained, trainings)
        if not len(roles["test"]):
            raise FewmaskError(f"{inputs.split}: no test images; set split.test in the dataset")
        images = Images(store, roles["test"], device, trained.predicts, scaling=trained.scaling)
        kept = Kept()
        errors = _errors(trained, images, size, kept)
        groups = split_files.read_groups(inputs.split, store.names)
        write_image_table(output.with_suffix(".csv"), images, groups, errors)
        write_examples(output.with_suffix(".examples.h5"), trained, images, errors, kept, restorer)
        result = {
            **asdict(run),
            "images": {role: len(store.images.among(rows)) for role, rows in roles.items()},
            **(
                {"tiles": {role: len(rows) for role, rows in roles.items()}}
                if store.is_tiled
                else {}
            ),
            "metrics": _metrics(errors),
            "classes": _class_metrics(errors, store.classes),
            "last_weights": _last_weights(trained, images, size),
            "cost": cost(trainings),
            "pseudo_masks": [one.model_dump(exclude_unset=True) for one in qualities],
            "provenance": {
                **trained.description.record,
                **describe(trained.runtime),
                "evaluated_at": size,
                "stages": [record.training for record in trainings.values()],
            },
        }
    write_record(output, result)
    for training in inputs.trainings:
        remove_checkpoint(training.parent)


def _check_seeds(
    run: Run,
    trained: Trained,
    trainings: dict[Path, TrainingRecord],
    restorer: Restorer | None,
) -> None:
    """Raise FewmaskError if a training had another seed than the run."""
    seeds = {one.weights: one.description.seed for one in (trained, restorer) if one}
    seeds |= {path: record.seed for path, record in trainings.items()}
    for path, seed in seeds.items():
        if seed != run.seed:
            raise FewmaskError(
                f"{path}: trained with another seed\n  found: {seed}\n  expected: {run.seed}"
            )


def _check_last(trained: Trained, trainings: dict[Path, TrainingRecord]) -> None:
    """Raise FewmaskError if the last training is not that of the weights."""
    expected, (path, last) = trained.description.record, list(trainings.items())[-1]
    if {name: getattr(last, name) for name in expected} != expected:
        raise FewmaskError(
            f"{path}: of another training than {trained.weights}\n"
            f"  expected: the files that one training wrote, side by side in its folder"
        )


def _errors(
    trained: Trained, images: Images, size: Size, kept: Kept | None = None
) -> dict[str, Errors]:
    """The errors of the network on all images, in the order of their rows, by task.

    Predictions are ``kept``, but not those of images in tiles, which may be of any size.
    """
    # Tiles already have the images at their own size.
    originals = images.rows if size == "original" and not images.store.is_tiled else None
    errors = {
        name: load(name).errors_on_test_images(images.store, originals) for name in trained.predicts
    }
    with bar("evaluate", len(images.places)) as shown:
        if images.store.is_tiled:
            _add_tiled(errors, trained, images, shown)
        else:
            _add(errors, trained, images, shown, kept)
    return errors


def _add(
    errors: Mapping[str, Errors],
    trained: Trained,
    images: Images,
    shown: Bar,
    kept: Kept | None,
) -> None:
    batches = images.in_order(BATCH_SIZE)
    for batch, outputs in predictions(trained.network, batches, trained.runtime.autocast):
        for name, one in errors.items():
            one.add(outputs[name], batch.truth[name])
        if kept is not None:
            kept.add({name: outputs[name] for name in errors})
        shown.more(len(batch.rows))


def _add_tiled(errors: Mapping[str, Errors], trained: Trained, images: Images, shown: Bar) -> None:
    """Add whole images, of which strips are compared one after the other."""
    for place in images.places:
        parts = 0
        for strip in stored_strips(trained, images, place):
            parts += 1
            for name, one in errors.items():
                one.add(strip.outputs[name], strip.truth[name])
        for one in errors.values():
            one.join(parts)
        shown.more(1)


def _last_weights(
    trained: Trained, images: Images, size: Size
) -> dict[str, dict[str, float | None]]:
    """The metrics of the weights after the last step, and of their EMA, by `Objective.last`."""
    if not trained.description.training.evaluation.last_weights:
        return {}  # the file need not be read again
    others = load_other_weights(trained.weights)
    return {
        name: _metrics(_errors(trained.with_weights(others[name]), images, size))
        for name in LAST_WEIGHTS
        if name in others
    }


def _metrics(errors: Mapping[str, Errors]) -> dict[str, float | None]:
    """The metrics of all images together, of all tasks."""
    metrics: dict[str, float] = {}
    for one in errors.values():
        metrics |= one.scores()
    return without_nan(metrics)


def _class_metrics(
    errors: Mapping[str, Errors], classes: tuple[str, ...]
) -> dict[str, dict[str, float | None]]:
    """The metrics of every class, by its name."""
    values = {kind: one for error in errors.values() for kind, one in error.class_scores().items()}
    kinds = [kind for kind in table.names(table.class_metrics()) if kind in values]
    return {
        name: without_nan({kind: float(values[kind][i]) for kind in kinds})
        for i, name in enumerate(classes)
    }
