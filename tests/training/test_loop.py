"""What the loop does with losses, evaluations, averages and early stopping."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score

from fewmask.config.stage import Stage
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import HISTORY, TRAINING, WEIGHTS
from fewmask.data.batches import Draws, Images
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.weights import load_segmenter, load_weights
from fewmask.objectives.objective import build
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from fewmask.training.loop import Training
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.networks.test_teacher import shares


def training(stage: Stage, rooms: Path, split: Path, seed: int = 0) -> Training:
    """A training at its first step."""
    store = Store(rooms)
    rows = split_files.read(split, store.names)
    runtime = start(stage.precision, threads=1)
    torch.manual_seed(0)
    draws = Draws(
        Images(store, rows["labelled"], runtime.device, ["segmentation"]),
        {"labelled": rows["labelled"]},
        {"labelled": stage.batch.labelled},
        seed,
    )
    validation = Images(store, rows["validation"], runtime.device, ["segmentation"])
    blueprint = Blueprint(stage.network, {"segmentation": 7}, len(store.categories))
    objective = build(stage.objective, blueprint)
    return Training(stage, objective, draws, validation, seed, runtime)


def go(one: Training, after_step=lambda now: None) -> None:
    """Train to the end without saving anything."""
    assert one.run(
        save=lambda now: None,
        checkpoint_minutes=60,
        interrupted=lambda: False,
        report=after_step,
    )


def test_it_learns(rooms: Path, rooms_split: Path):
    one = training(small_stage(steps=60, evaluation={"every": 20}), rooms, rooms_split)
    go(one)
    losses = [row["loss"] for row in one.history]
    assert losses[-1] < 0.8 * losses[0]
    assert one.history[-1]["validation_pixel_accuracy"] > 0.5


def test_the_best_weights_are_kept_and_they_score_what_the_history_says(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    stage = small_stage(steps=30, evaluation={"every": 3}, precision="fp32")
    assert train(Inputs(rooms, rooms_split), stage, 0, tmp_path)
    with (tmp_path / HISTORY).open() as file:
        history = list(csv.DictReader(file))
    assert [int(row["step"]) for row in history] == list(range(3, 31, 3))
    best = max(history, key=lambda row: float(row["validation_miou"]))
    record = json.loads((tmp_path / TRAINING).read_text())
    assert record["best_step"] == int(best["step"])
    assert record["images_seen"] == 30 * 4

    network, _ = load_segmenter(tmp_path / WEIGHTS, torch.device("cpu"))
    with Store(rooms) as store:
        rows = split_files.read(rooms_split, store.names)["validation"]
        images = torch.from_numpy(store.read("image", rows)).permute(0, 3, 1, 2) / 255
        truth = store.read("mask", rows).ravel()
    with torch.no_grad():
        predicted = network(images, torch.ones(6, 1, 32, 32))["segmentation"].argmax(1)
    again = jaccard_score(truth, predicted.numpy().ravel(), average="macro", zero_division=0)
    assert again == pytest.approx(float(best["validation_miou"]), abs=1e-6)


def test_early_stopping_ends_after_so_many_looks_without_gain(rooms: Path, rooms_split: Path):
    # A learning rate of next to nothing: no evaluation is better than the first by more than noise.
    stage = small_stage(
        steps=100,
        optimiser={"name": "sgd", "learning_rate": 1e-12},
        evaluation={"every": 2, "metric": "pixel_accuracy", "patience": 6},
    )
    one = training(stage, rooms, rooms_split)
    values = iter([0.5, 0.6, 0.6, 0.4, 0.55, 0.9])
    one.objective.validate = lambda *_: {"pixel_accuracy": next(values)}
    go(one)
    # Looks at 2 and 4 gain; those at 6, 8 and 10 do not.
    assert one.step == 10
    assert one.best["step"] == 4
    assert one.best["value"] == 0.6


def test_a_lower_loss_is_better(rooms: Path, rooms_split: Path):
    stage = small_stage(steps=6, evaluation={"every": 2, "metric": "loss"})
    one = training(stage, rooms, rooms_split)
    values = iter([0.5, 0.3, 0.4])
    one.objective.validate = lambda *_: {"loss": next(values)}
    go(one)
    assert (one.best["step"], one.best["value"]) == (4, 0.3)


def test_without_a_metric_the_last_weights_are_the_result(rooms: Path, rooms_split: Path):
    one = training(small_stage(evaluation={"every": 5, "metric": "none"}), rooms, rooms_split)
    go(one)
    for name, tensor in one.objective.network.state_dict().items():
        assert torch.equal(one.result[name], tensor)


def test_the_average_is_the_closed_form(rooms: Path, rooms_split: Path):
    decay = 0.8
    stage = small_stage(steps=6, averaging={"decay": decay})
    one = training(stage, rooms, rooms_split)
    seen: list[dict[str, torch.Tensor]] = []

    def remember(now: Training) -> None:
        weights = now.objective.network.state_dict()
        seen.append({name: value.clone().double() for name, value in weights.items()})

    go(one, remember)
    held = shares(len(seen), decay)
    for name, averaged in one.ema.network.state_dict().items():
        if averaged.is_floating_point():
            expected = sum(s * w[name] for s, w in zip(held, seen, strict=True))
            assert torch.allclose(averaged.double(), expected, rtol=1e-4, atol=1e-6), name
    assert any("running_mean" in name for name in seen[0])


@pytest.mark.parametrize("bad_step", [0, 7, 49, 61])
def test_a_loss_that_is_not_finite_stops_with_the_step(rooms: Path, rooms_split: Path, bad_step):
    stage = small_stage(steps=70, evaluation={"every": 30})
    one = training(stage, rooms, rooms_split)
    losses, saved = one.objective.losses, []

    def spoiled(batches: dict, step: int) -> dict:
        found = losses(batches, step)
        return {"cross_entropy": found["cross_entropy"] * (math.nan if step == bad_step else 1)}

    one.objective.losses = spoiled
    with pytest.raises(FewmaskError) as caught:
        one.run(
            save=lambda now: saved.append(now.step),
            checkpoint_minutes=0,
            interrupted=lambda: False,
            report=lambda now: None,
        )
    message = str(caught.value)
    assert f"not finite at step {bad_step}: loss nan, cross_entropy nan" in message
    last_good = f"last finite: step {bad_step - 1}: loss" if bad_step else "last finite: none"
    assert last_good in message
    assert max(saved, default=0) == bad_step  # no checkpoint holds spoiled weights


def test_gradients_are_clipped(rooms: Path, rooms_split: Path):
    stage = small_stage(
        steps=1, optimiser={"name": "sgd", "learning_rate": 1.0, "momentum": 0.0},
        clip_gradient_norm=0.01, schedule={"name": "constant"}, precision="fp32",
    )  # fmt: skip
    one = training(stage, rooms, rooms_split)
    before = [p.detach().clone() for p in one.objective.parameters()]
    go(one)
    moved = zip(before, one.objective.parameters(), strict=True)
    norm = math.sqrt(sum(float((b - p).detach().square().sum()) for b, p in moved))
    assert norm == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_optimiser_learns_in_every_precision(
    rooms: Path, rooms_split: Path, optimiser: str, precision: str
):
    rate = 0.05 if optimiser == "sgd" else 0.003
    stage = small_stage(
        steps=24,
        optimiser={"name": optimiser, "learning_rate": rate},
        precision=precision,
        evaluation={"every": 8},
    )
    one = training(stage, rooms, rooms_split)
    go(one)
    assert one.history[-1]["loss"] < one.history[0]["loss"]


def test_a_stage_starts_from_the_weights_it_is_given(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    inputs = Inputs(rooms, rooms_split)
    assert train(inputs, small_stage(), 0, tmp_path / "first")
    given = load_weights(tmp_path / "first" / WEIGHTS)
    # No update that could be seen: what comes out is what went in.
    still = small_stage(
        steps=1, optimiser={"name": "sgd", "learning_rate": 1e-30}, schedule={"name": "constant"}
    )
    after = Inputs(rooms, rooms_split, start_from=tmp_path / "first" / WEIGHTS)
    assert train(after, still, 5, tmp_path / "second")
    for name, tensor in load_weights(tmp_path / "second" / WEIGHTS).items():
        if "running" not in name and "num_batches" not in name:
            assert torch.equal(tensor, given[name]), name


def test_images_of_a_wrong_size_are_refused(rooms: Path, rooms_split: Path, tmp_path: Path):
    stage = small_stage(augmentation={"crop": 20})
    with pytest.raises(FewmaskError, match=r"(?s)20 x 20 do not fit.* multiples of 8.*\[16, 16\]"):
        train(Inputs(rooms, rooms_split), stage, 0, tmp_path)


def test_a_role_without_images_is_refused(rooms: Path, tmp_path: Path):
    names = [f"scene_{i:05d}" for i in range(36)]
    split_files.write(tmp_path / "0.csv", names, ["labelled"] * 30 + ["test"] * 6)
    with pytest.raises(FewmaskError, match="no validation images to select by miou"):
        train(Inputs(rooms, tmp_path / "0.csv"), small_stage(), 0, tmp_path / "out")
    last = small_stage(evaluation={"metric": "none", "every": 10})
    assert train(Inputs(rooms, tmp_path / "0.csv"), last, 0, tmp_path / "out")


def test_the_loop_draws_every_image_once_an_epoch(rooms: Path, rooms_split: Path):
    one = training(small_stage(steps=9, batch={"labelled": 4}), rooms, rooms_split)
    drawn = np.concatenate([one.draws.rows_at("labelled", step) for step in range(9)])
    for epoch in drawn.reshape(3, 12):
        assert sorted(epoch) == list(range(12))
    assert list(drawn[:12]) != list(drawn[12:24])
