"""Builds the training of a stage: what it draws, its networks, what it is evaluated on."""

from pathlib import Path

import numpy as np
import torch

from fewmask.config.stage import TrainingSettings
from fewmask.core import parallel
from fewmask.core.errors import FewmaskError
from fewmask.core.seeds import derive
from fewmask.data.batches import Draws, Images
from fewmask.data.pseudo_masks import PseudoMasks
from fewmask.data.scaling import Scaling
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.transfer import transfer
from fewmask.objectives.objective import Objective, build
from fewmask.training.inputs import Inputs
from fewmask.training.loop import Training
from fewmask.training.runtime import Runtime

Rows = dict[str, np.ndarray]
"""Rows in the store, int64, by the role of their images."""


def build_training(
    inputs: Inputs,
    stage: TrainingSettings,
    seed: int,
    store: Store,
    runtime: Runtime,
    scaling: Scaling | None = None,
) -> Training:
    """The training at its first step, on images whose values are scaled so.

    Raises FewmaskError: the files are damaged, or are not what the stage needs.
    """
    rows = split_files.read(inputs.split, store.names)
    pseudo_masks = inputs.pseudo_masks and PseudoMasks(inputs.pseudo_masks)
    if pseudo_masks:
        _check_pseudo_masks(pseudo_masks, rows, inputs.split)
    if stage.most_reliable < 1:
        reliable = pseudo_masks.most_reliable(rows["unlabelled"], stage.most_reliable)
        rows = rows | {"unlabelled": reliable}
    if stage.most_confident < 1:
        pseudo_masks = pseudo_masks.most_confident(rows["unlabelled"], stage.most_confident)
    if stage.labelled_share < 1:
        rows = rows | {"labelled": _share_of_labelled(stage, rows["labelled"], seed)}
    seed = derive(seed, "replica", stage.replica) if stage.replica else seed
    drawn = _drawn(stage, rows, inputs.split)
    _check_validation(stage, rows, inputs.split)
    _check_images(stage, store, inputs.dataset)
    stage = _in_steps(stage, drawn, inputs.split)
    torch.manual_seed(derive(seed, "weights"))
    objective = _objective(stage, store, inputs)
    tasks = stage.objective.predicts
    used = np.unique(np.concatenate(list(drawn.values())))
    with_confidence = stage.objective.compares_confidence
    images = Images(store, used, runtime.device, tasks, pseudo_masks, with_confidence, scaling)
    draws = Draws(images, drawn, {role: getattr(stage.batch, role) for role in drawn}, seed)
    validation = Images(
        store, rows["validation"], runtime.device, tasks, scaling=scaling, each_pixel_once=True
    )
    return Training(stage, objective, draws, validation, seed, runtime)


def _check_pseudo_masks(pseudo_masks: PseudoMasks, rows: Rows, split: Path) -> None:
    """Raise FewmaskError if a training image of the split has no pseudo-mask."""
    training = np.concatenate([rows["labelled"], rows["unlabelled"]])
    if len(lacking := np.setdiff1d(training, pseudo_masks.rows)):
        raise pseudo_masks.error(
            f"not the pseudo-masks of {split}\n"
            f"  found: {len(pseudo_masks)} pseudo-masks, none of row {lacking[0]}\n"
            f"  expected: one for each of the {len(training)} training images"
        )


def _share_of_labelled(stage: TrainingSettings, rows: np.ndarray, seed: int) -> np.ndarray:
    """The rows of labelled images that a stage draws, of one image at least.

    ``seed``: of the run, for replicas leave out parts of one order, which begins anew at its end.
    """
    left_out = len(rows) - max(1, round(stage.labelled_share * len(rows)))
    order = np.random.default_rng(derive(seed, "labelled_share")).permutation(len(rows))
    return np.delete(rows, np.roll(order, -stage.replica * left_out)[:left_out])


def _drawn(stage: TrainingSettings, rows: Rows, split: Path) -> Rows:
    """The rows that a step draws from, by role."""
    either = np.sort(np.concatenate([rows["labelled"], rows["unlabelled"]]))
    drawn = {role: (rows | {"all": either})[role] for role in stage.batch.roles}
    for role, of_role in drawn.items():
        size = getattr(stage.batch, role)
        if not len(of_role):
            raise FewmaskError(f"{split}: no image is {role}, but the objective needs some")
        if stage.objective.compares_images and size > len(of_role):
            raise FewmaskError(
                f"batch.{role} is {size}, and {split} has {len(of_role)} such images: "
                f"{stage.objective.name} cannot tell an image from itself\n"
                f"  mend: a batch of at most {len(of_role)}, or more images"
            )
    return drawn


def _check_validation(stage: TrainingSettings, rows: Rows, split: Path) -> None:
    """Refuse to select, or to stop, by images that there are not."""
    metrics = stage.evaluation.judges
    if metrics and not len(rows["validation"]):
        raise FewmaskError(
            f"{split}: no validation images to select by {' and '.join(metrics)}; "
            f"set split.validation in the dataset, or evaluation.metric: none"
        )


def _check_images(stage: TrainingSettings, store: Store, dataset: Path) -> None:
    try:
        stage.batch.check_shared(parallel.count(), stage.micro_batches)
        stage.check_images(store.height, store.width)
    except ValueError as error:
        raise FewmaskError(f"{dataset}: {error}") from None


def _in_steps(stage: TrainingSettings, drawn: Rows, split: Path) -> TrainingSettings:
    try:
        return stage.in_steps({role: len(rows) for role, rows in drawn.items()})
    except ValueError as error:
        raise FewmaskError(f"{split}: {error}") from None


def _objective(stage: TrainingSettings, store: Store, inputs: Inputs) -> Objective:
    """The objective, its networks with the weights that they start from."""
    heads = stage.objective.heads(len(store.classes))
    network = stage.network.for_images(store.dataset_settings.channel_count)
    blueprint = Blueprint(network, heads, len(store.categories), inputs.encoder, stage.steps)
    objective = build(stage.objective, blueprint)
    objective.micro_batches = stage.micro_batches
    if inputs.start_from is not None:
        for index, network in enumerate(objective.networks):
            transfer(network, inputs.start_from, stage.transfer, index)
    objective.started()
    return objective
