"""ST, recomputed pixel by pixel from its formula, and the snapshots that ST++ chooses images by."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.core.paths import WEIGHTS
from fewmask.data.pseudo_masks import PseudoMasks
from fewmask.data.store.store import Store
from fewmask.inference.pseudo_label import pseudo_label
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.weights import load_other_weights, load_segmenter, load_weights
from fewmask.objectives.objective import Objective, build
from fewmask.training.building import build_training
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.data.making import random_pseudo_masks
from tests.objectives.consistency.making import (
    CLASSES,
    SIZE,
    STILL,
    TINY,
    Batches,
    batches,
    softmax,
)

THIRDS = {"steps": 12, "snapshots": 3, "precision": "fp32", "evaluation": {"every": 12}}
ST = {"objective": {"name": "st"}, "pseudo_masks": "a", "batch": {"labelled": 2, "unlabelled": 2}}


def objective(**changes: object) -> Objective:
    torch.manual_seed(0)
    stage = small_stage(**ST | {"objective": {"name": "st", **changes}})
    return build(stage.objective, Blueprint(TINY, {"segmentation": CLASSES})).train()


def drawn() -> Batches:
    both = batches()
    pseudo_mask = torch.randint(0, CLASSES, (3, SIZE, SIZE))
    both["unlabelled"].pseudo_mask = pseudo_mask.masked_fill(
        both["unlabelled"].inside[:, 0] == 0, IGNORE
    )
    return both


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_the_loss_is_the_mean_over_all_pixels_that_are_not_cut_out(probability: float):
    one, both = objective(colours=STILL, cutout={"probability": probability}), drawn()
    seen: list[tuple[Tensor, Tensor]] = []
    one.network.register_forward_hook(
        lambda _, given, found: seen.append((given[0], found["segmentation"].double()))
    )
    loss = one.losses(both, 0)["cross_entropy"].item()
    [(image, logits)] = seen
    images = torch.cat([both["labelled"].image, both["unlabelled"].image])
    masks = torch.cat([both["labelled"].mask, both["unlabelled"].pseudo_mask])
    total, count, cut = 0.0, 0, 0
    for n, y, x in np.ndindex(*masks.shape):
        if not torch.equal(image[n, :, y, x], images[n, :, y, x]):
            assert n >= 2, "labelled images stay as they are"
            cut += 1
        elif masks[n, y, x] != IGNORE:
            total -= float(np.log(softmax(logits[n, :, y, x].tolist())[masks[n, y, x]]))
            count += 1
    assert bool(cut) == bool(probability)
    assert loss == pytest.approx(total / count, rel=1e-5)


def test_snapshots_are_the_weights_after_each_part(rooms: Path, rooms_split: Path, tmp_path: Path):
    assert train(Inputs(rooms, rooms_split), small_stage(**THIRDS), 0, tmp_path / "whole")
    others = load_other_weights(tmp_path / "whole" / WEIGHTS)
    assert list(others) == ["snapshot_1", "snapshot_2"]
    stage = small_stage(**THIRDS, schedule={"name": "constant", "warmup_steps": 3})
    assert train(Inputs(rooms, rooms_split), stage, 0, tmp_path / "constant")
    others = load_other_weights(tmp_path / "constant" / WEIGHTS)
    for number, steps in [(1, 4), (2, 8)]:
        shorter = stage.model_copy(update={"steps": steps, "snapshots": 1})
        folder = tmp_path / str(steps)
        assert train(Inputs(rooms, rooms_split), shorter, 0, folder)
        for name, tensor in load_weights(folder / WEIGHTS).items():
            assert torch.equal(tensor, others[f"snapshot_{number}"][name]), name


def test_pseudo_masks_are_as_reliable_as_snapshots_agree_with_them(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    assert train(Inputs(rooms, rooms_split), small_stage(**THIRDS), 0, tmp_path)
    output = tmp_path / "pseudo_masks.h5"
    pseudo_label("a/supervised", rooms, rooms_split, tmp_path / WEIGHTS, output)
    network, _ = load_segmenter(tmp_path / WEIGHTS, torch.device("cpu"))
    with Store(rooms) as store:
        images = torch.from_numpy(store.read("image", np.arange(20))).permute(0, 3, 1, 2) / 255

    def predicted() -> np.ndarray:
        with torch.no_grad():
            return network(images, torch.ones(20, 1, 32, 32))["segmentation"].argmax(1).numpy()

    result, expected = predicted(), np.zeros(20)
    for weights in load_other_weights(tmp_path / WEIGHTS).values():
        network.load_state_dict(weights)
        for i, (one, other) in enumerate(zip(predicted(), result, strict=True)):
            present = set(one.ravel()) | set(other.ravel())
            shares = [
                ((one == k) & (other == k)).sum() / ((one == k) | (other == k)).sum()
                for k in present
            ]
            expected[i] += np.mean(shares) / 2
    assert len(set(expected)) > 1
    unlabelled = np.arange(12, 20)
    best = unlabelled[np.argsort(-expected[12:], kind="stable")[:4]]
    with PseudoMasks(output) as found:
        assert found.most_reliable(unlabelled, 0.5).tolist() == sorted(best)


def test_only_the_most_reliable_images_are_drawn(rooms: Path, rooms_split: Path):
    inputs = Inputs(rooms, rooms_split, pseudo_masks=random_pseudo_masks(rooms))
    stage = small_stage(**ST, most_reliable=0.25)
    with Store(rooms) as store:
        draws = build_training(inputs, stage, 0, store, start("fp32", 1)).draws
    # Of rows 12 to 19 the last ones are the most reliable.
    assert draws.rows["unlabelled"].tolist() == [18, 19]
    assert draws.rows["labelled"].tolist() == list(range(12))
