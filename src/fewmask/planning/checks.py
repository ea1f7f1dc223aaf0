"""Checks of an experiment against the datasets, methods and stages that it names: each file may be
right by itself, and still not fit the others. All raise ConfigError."""

import re
from collections.abc import Callable, Collection
from functools import cache, partial
from pathlib import Path

from fewmask.config.cells import is_list_name
from fewmask.config.dataset import Dataset
from fewmask.config.experiment import Experiment, Override
from fewmask.config.explain import did_you_mean
from fewmask.config.layer import Layer
from fewmask.config.named import all_stages, names_in
from fewmask.config.network import NAMED_WEIGHTS
from fewmask.config.stage import Stage
from fewmask.config.task import load
from fewmask.core.cells import StageKey
from fewmask.core.errors import ConfigError
from fewmask.planning.stages import Resolved


def check_fractions(
    fractions: list[str], suggested: Collection[str], datasets: dict[str, Dataset], source: str
) -> None:
    """Refuse a list of labelled images that a dataset of the grid does not have, and a budget of
    masks that leaves none to learn from. ``suggested``: fractions that networks suggest."""
    for fraction in fractions:
        if fraction in suggested:
            continue
        if re.fullmatch(r"n\d+", fraction):
            _check_budgets(fraction, datasets, source)
        if not is_list_name(fraction):
            continue
        for name, dataset in datasets.items():
            if fraction not in dataset.split.lists:
                known = ", ".join(dataset.split.lists) or "none"
                raise ConfigError(
                    f"{source}: fractions: the dataset {name} has no list "
                    f"{fraction}\n  known lists: {known}\n  expected: a share (0.05), "
                    f"a count (n100), all, or a name under split.lists of the dataset"
                )


def _check_budgets(fraction: str, datasets: dict[str, Dataset], source: str) -> None:
    for name, dataset in datasets.items():
        if dataset.split.masks == "budget":
            try:
                dataset.split.validation_in(int(fraction[1:]))
            except ValueError as error:
                raise ConfigError(
                    f"{source}: fractions: {fraction} of the dataset {name}: {error}"
                ) from None


def check_folds(experiment: Experiment, datasets: dict[str, Dataset], source: str) -> None:
    """Refuse seeds of which some folds are missing: each of them has another part of the masks for
    validation, and only all of them together are fair to every mask."""
    of_cells = {(cell[0], tuple(experiment.seeds_of(*cell))) for cell in experiment.cells()}
    for name, seeds in sorted(of_cells):
        folds = datasets[name].split.folds or 1
        expected = {folds * (seed // folds) + fold for seed in seeds for fold in range(folds)}
        if missing := sorted(expected - {*seeds}):
            raise ConfigError(
                f"{source}: seeds: found {[*seeds]}; the dataset {name} has split.folds: {folds}, "
                f"so that {folds} seeds share their masks\n"
                f"  expected: also {', '.join(map(str, missing))}"
            )


def check_overrides(overrides: list[tuple[Override, Layer]]) -> None:
    """Refuse an override that names something unknown, in its ``when`` or in its settings."""
    names_of = cache(lambda key: _NAMES[key]())
    for override, layer in overrides:
        for key in _NAMES:
            chosen = getattr(override.when, key)
            for name in chosen if isinstance(chosen, list) else [chosen]:
                if name is not None and name not in (known := names_of(key)):
                    raise ConfigError(
                        f"{layer.place(())}: overrides: when.{key}: there is no {key} "
                        f"{name}{did_you_mean(name, known)}\n  known: {', '.join(known)}"
                    )
        for name in layer.values:
            if name not in Stage.model_fields:
                raise ConfigError(
                    f"{layer.place((name,))}: {'.'.join(map(str, layer.path))}.{name}: "
                    f"unknown key{did_you_mean(name, Stage.model_fields)}\n"
                    f"  expected: {', '.join(Stage.model_fields)}"
                )


_NAMES: dict[str, Callable[[], list[str]]] = {
    "dataset": partial(names_in, "datasets"),
    "method": partial(names_in, "methods"),
    "stage": all_stages,
}


def check_selects(
    overrides: list[tuple[Override, Layer]],
    stages: Collection[StageKey],
    cells_below: list[dict[str, str]],
) -> None:
    """Refuse an override that applies to nothing.

    It must select one of ``stages``, those of the grid, or one of ``cells_below``, the cells that
    only an extended file requests (whose stages are not resolved).
    """
    for override, layer in overrides:
        when = override.when
        if not (
            any(when.selects(**vars(key)) for key in stages)
            or any(when.selects(**cell) for cell in cells_below)
        ):
            chosen = ", ".join(f"{key}: {value}" for key, value in when if value is not None)
            raise ConfigError(
                f"{layer.place(())}: overrides: when selects nothing of the grid\n"
                f"  found: {chosen}\n"
                f"  expected: some of the experiment's datasets, methods, fractions and stages"
            )


def check_judged(last: Resolved, method: str, dataset: str) -> None:
    """Refuse a run whose last stage cannot be judged on the run's test images."""
    key, objective = last.key, last.stage.objective
    if key.dataset != dataset:
        raise ConfigError(
            f"config/methods/{method}.yaml: stages.{key.stage}.dataset: a run is judged "
            f"by its last stage, which must be trained on the run's dataset, {dataset}"
        )
    if not objective.predicts:
        raise ConfigError(
            f"config/methods/{method}.yaml: a run is judged by its last stage, "
            f"{key.stage}, which learns {objective.name} and predicts nothing"
        )


def check_held_out(name: str, own: Dataset, tested: dict[str, Dataset], where: str) -> None:
    """Refuse to learn from images that a dataset of the grid tests on under another name."""
    for other, dataset in tested.items():
        is_same = (own.root, own.reader.name) == (dataset.root, dataset.reader.name)
        if is_same and own.split != dataset.split:
            raise ConfigError(
                f"{where}: {name} has the images of {other} and another split, so that the "
                f"stage would learn from test images of {other}\n"
                f"  mend: give both the same split, or leave dataset out"
            )


def check_learnable(resolved: Resolved, dataset: Dataset, source: str) -> None:
    """Refuse a stage that cannot be trained on the images of its dataset."""
    key, stage = resolved.key, resolved.stage
    where = f"{source}: stage {key.stage} of {key.method} on {key.dataset}"
    if unknown := sorted(stage.objective.learns - dataset.gives):
        raise ConfigError(
            f"{where}: {stage.objective.name} learns {unknown[0]}, which this dataset lacks\n"
            f"  it has: {', '.join(sorted(dataset.gives)) or 'images alone'}"
        )
    if (metrics := stage.evaluation.judges) and not dataset.split.has_validation:
        raise ConfigError(
            f"{where}: no validation images to select by {' and '.join(metrics)}: the dataset has "
            f"split.validation_share: 0\n"
            f"  mend: evaluation: {{metric: none}}, which keeps the weights of the last step, or a "
            f"share"
        )
    _check_not_stretched(key, stage, dataset)
    try:
        stage.check_images(*dataset.height_width)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    weights = stage.network.weights
    if resolved.needs_encoder and weights not in NAMED_WEIGHTS and not Path(weights).is_file():
        raise ConfigError(
            f"{where}: network.weights: there is no file {weights}\n"
            f"  expected: a .safetensors file, imagenet, or none"
        )


def _check_not_stretched(key: StageKey, stage: Stage, dataset: Dataset) -> None:
    """Refuse to learn from stretched images what is no longer true of them, such as normals.

    Depths are along the camera's axis, and remain true. Where images have the proportions of the
    size, nothing needs to be stretched, and pad and crop give the same.
    """
    tasks = [task for task in map(load, stage.objective.predicts) if not task.fits_stretched]
    if tasks and dataset.fit == "stretch":
        raise ConfigError(
            f"config/datasets/{key.dataset}.yaml: fit is stretch, which changes shapes\n"
            f"  expected: pad or crop, for {key.stage} of {key.method} learns {tasks[0].title}\n"
            f"  mend: fit: pad (or crop), or leave {tasks[0].name} out of the stage's tasks"
        )


def check_reference(experiment: Experiment, all_masks: list[str], source: str) -> None:
    """Refuse an upper bound as the method that others are compared with."""
    if experiment.reference in all_masks:
        raise ConfigError(
            f"{source}: reference: {experiment.reference} sees all masks whatever "
            f"the fraction, so that it has no curve to compare others with\n"
            f"  expected: a method whose labels are those of the fraction"
        )
