"""Every weighting in a real training: precisions, what the history tells, learned weights."""

import math
from pathlib import Path

import pytest
import torch

from fewmask.planning.grid import load_grid
from tests.conftest import ROOT, small_stage
from tests.training.test_loop import go, training

TWO = {"name": "supervised", "classification": {"dropout": 0.0}}
CHANGING = [
    {"name": "uncertainty"},
    {"name": "dynamic_weight_average", "period": 2},
    {"name": "nash_mtl"},
    {"name": "nash_mtl", "update_weights_every": 5},
    {"name": "pcgrad"},
    {"name": "cagrad"},
]


@pytest.mark.parametrize("weighting", CHANGING, ids=lambda one: "-".join(map(str, one.values())))
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_every_weighting_learns_in_every_precision(
    rooms: Path, rooms_split: Path, weighting: dict, precision: str
):
    stage = small_stage(
        steps=24,
        objective=TWO,
        weighting=weighting,
        precision=precision,
        evaluation={"every": 8},
    )
    one = training(stage, rooms, rooms_split)
    go(one)
    assert one.history[-1]["cross_entropy"] < one.history[0]["cross_entropy"]
    for parameter in one.objective.parameters():
        assert parameter.isfinite().all()


def test_the_history_tells_weights_that_change(rooms: Path, rooms_split: Path):
    def columns(weighting: dict) -> list[str]:
        stage = small_stage(steps=4, objective=TWO, weighting=weighting)
        one = training(stage, rooms, rooms_split)
        go(one)
        return [name for name in one.history[-1] if not name.startswith("validation_")][4:]

    losses = ["loss", "cross_entropy", "classification"]
    weights = ["weight_cross_entropy", "weight_classification"]
    assert columns({"name": "fixed"}) == losses
    assert columns({"name": "uncertainty"}) == losses + weights
    assert columns({"name": "nash_mtl"}) == [*losses, *weights, "weights_kept"]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_log_variances_move_at_their_own_rate(rooms: Path, rooms_split: Path, precision: str):
    rate, start = 0.2, 0.3
    stage = small_stage(
        steps=3,
        objective=TWO,
        weighting={
            "name": "uncertainty",
            "initial_log_variance": start,
            "learning_rate": rate,
        },
        optimiser={"name": "sgd", "learning_rate": 0.01, "momentum": 0.0, "weight_decay": 0.1},
        schedule={"name": "constant", "warmup_steps": 2},
        precision=precision,
        evaluation={"every": 1},
    )
    one = training(stage, rooms, rooms_split)
    one.scaler = torch.amp.GradScaler("cpu", init_scale=64.0, enabled=precision == "fp16")
    go(one)
    expected = {"cross_entropy": start, "classification": start}
    for factor, row in zip((0.5, 1, 1), one.history, strict=True):  # warm-up, then constant
        for name, value in expected.items():
            expected[name] -= factor * rate * 0.5 * (1 - math.exp(-value) * row[name])
    found = one.weighting.log_variances.tolist()
    assert found == pytest.approx([*expected.values()], rel=1e-5)


def test_fp16_leaves_out_a_step_that_overflows_and_keeps_the_weights(
    rooms: Path, rooms_split: Path
):
    stage = small_stage(
        steps=1,
        objective=TWO,
        weighting={"name": "nash_mtl"},
        precision="fp16",
        schedule={"name": "constant"},
    )
    one = training(stage, rooms, rooms_split)
    one.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**60)
    before = [parameter.detach().clone() for parameter in one.objective.parameters()]
    go(one)
    for old, new in zip(before, one.objective.parameters(), strict=True):
        assert torch.equal(old, new)
    assert one.scaler.get_scale() == 2.0**59
    assert one.weighting.weights.tolist() == [1, 1]


def test_log_variances_of_the_small_experiment_settle(
    rooms: Path, rooms_split: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(ROOT)
    grid = load_grid([Path("config/experiments/small/scenes_multi_task.yaml")])
    (requested,) = [
        grid.stage(key)
        for run in grid.runs
        if run.method == "multi_task_uncertainty" and run.fraction == "n20"
        for key in grid.stages(run)[:1]
        if run.seed == grid.runs[0].seed
    ]
    names = ("steps", "optimiser", "schedule", "weighting")
    stage = small_stage(objective=TWO, precision="fp32", evaluation={"metric": "none"})
    stage = stage.model_copy(update={name: getattr(requested, name) for name in names})
    one = training(stage, rooms, rooms_split)
    constant = {"cross_entropy": 1 / 5.2, "classification": 1 / 11.4}

    def losses(batches: dict, step: int) -> dict[str, torch.Tensor]:
        return {name: torch.tensor(value) for name, value in constant.items()}

    monkeypatch.setattr(one.objective, "losses", losses)
    go(one)
    weights = 0.5 * torch.exp(-one.weighting.log_variances)
    fixed_points = [1 / (2 * value) for value in constant.values()]
    assert weights.tolist() == pytest.approx(fixed_points, rel=0.05)
