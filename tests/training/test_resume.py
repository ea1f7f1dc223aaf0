"""A training that is killed, at any moment and any number of times, ends as if it had not been."""

import os
import random
import signal
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from fewmask.cli import main
from fewmask.cli.rules import EXIT_INTERRUPTED
from fewmask.config.stage import Stage
from fewmask.core.paths import CHECKPOINT, HISTORY, TRAINING, WEIGHTS
from fewmask.training.execution import Execution
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import SMALL_RESNET, small_stage
from tests.data.making import random_pseudo_masks
from tests.processes import run, start
from tests.training.interrupting import interrupted, steps_in, trained

KILLS = 12

SELF_TRAINING = small_stage(
    network=SMALL_RESNET,
    steps=24,
    objective={"name": "self_training"},
    pseudo_masks="supervised",
    batch={"labelled": 2, "unlabelled": 3},
)


@pytest.fixture
def pseudo_masks(rooms: Path) -> Path:
    """Pseudo-masks of the training images."""
    return random_pseudo_masks(rooms)


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(small_stage(network=SMALL_RESNET, steps=40), marks=pytest.mark.nightly),
        small_stage(
            network=SMALL_RESNET,
            steps=40,
            averaging={"decay": 0.9},
            precision="fp32",
            clip_gradient_norm=1.0,
            evaluation={"every": 7, "metric": "loss", "patience": 28},
        ),
        SELF_TRAINING,
    ],
    ids=["plain", "averaged", "self-training"],
)
def test_killed_at_random_moments(inputs: Inputs, stage: Stage, pseudo_masks: Path, tmp_path: Path):
    if stage.pseudo_masks:
        inputs = replace(inputs, pseudo_masks=pseudo_masks)
    expected = trained(inputs, stage, tmp_path / "whole")
    output, draw, kills = tmp_path / "killed", random.Random(0), 0
    # A checkpoint after every step: much of the time is spent in writing one.
    work = partial(train, inputs, stage, 0, output, Execution(checkpoint_minutes=0))
    while kills < 100:
        process = start(work)
        process.join(timeout=draw.uniform(0.1, 1.0) if kills < KILLS else None)
        if process.exitcode is not None:
            assert process.exitcode == 0
            break
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        kills += 1
    assert kills >= KILLS
    assert (output / WEIGHTS).read_bytes() == expected
    assert steps_in(output / HISTORY) == steps_in(tmp_path / "whole" / HISTORY)
    assert sorted(path.name for path in output.iterdir()) == [
        "checkpoint.pt",
        "history.csv",
        "lock",
        "training.json",
        "tries.csv",
        "weights.safetensors",
    ]


def test_killed_while_a_checkpoint_is_being_written(inputs: Inputs, tmp_path: Path):
    stage = small_stage()
    expected = trained(inputs, stage, tmp_path / "whole")
    output = tmp_path / "killed"

    def die_in_the_fifth_checkpoint() -> None:
        saves, whole_save = [], torch.save

        def half_save(state: object, path: Path) -> None:
            saves.append(path)
            whole_save(state, path)
            if len(saves) == 5:
                os.truncate(path, path.stat().st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)

        torch.save = half_save
        train(inputs, stage, 0, output, Execution(checkpoint_minutes=0))

    assert run(die_in_the_fifth_checkpoint) == -signal.SIGKILL
    saved = torch.load(output / CHECKPOINT, weights_only=True)
    assert saved["state"]["step"] == 4
    assert trained(inputs, stage, output) == expected


@pytest.mark.parametrize("early", [False, True], ids=["all-steps", "stopped-early"])
def test_outputs_that_were_deleted_are_written_again(inputs: Inputs, tmp_path: Path, early: bool):
    """Snakemake deletes what a job has written that is killed before it has ended."""
    evaluation = {"every": 2, "patience": 4} if early else {"every": 2}
    stage = small_stage(steps=200 if early else 6, evaluation=evaluation)
    output, log = tmp_path / "stage", tmp_path / "log"
    expected = trained(inputs, stage, output)
    history = steps_in(output / HISTORY)
    for name in (WEIGHTS, HISTORY, TRAINING):
        (output / name).unlink()
    assert run(partial(train, inputs, stage, 0, output), log) == 0
    last = history[-1].split(",")[0]
    assert (int(last) < stage.steps) == early
    assert f"resuming from step {last}\n" in log.read_text()
    assert (output / WEIGHTS).read_bytes() == expected
    assert steps_in(output / HISTORY) == history


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_saves_and_says_so_with_its_exit_code(
    inputs: Inputs, tmp_path: Path, sent: signal.Signals
):
    stage = small_stage(steps=2000, evaluation={"every": 1000})
    output, log = tmp_path / "stage", tmp_path / "log"
    sys_argv = [
        "fewmask",
        "train",
        *("--dataset", str(inputs.dataset)),
        *("--split", str(inputs.split)),
        *("--settings", stage.shaping()),
        *("--seed", "0"),
        *("--output", str(output)),
        *("--checkpoint-seconds", "0"),
    ]

    def command() -> None:
        sys.argv = sys_argv
        main()

    process = start(command, log)
    while not (output / CHECKPOINT).exists():
        time.sleep(0.02)
    os.kill(process.pid, sent)
    process.join()
    assert process.exitcode == EXIT_INTERRUPTED == 75
    saved = torch.load(output / CHECKPOINT, weights_only=True)
    assert 0 < saved["state"]["step"] < 2000
    assert f"stopped at step {saved['state']['step']}, checkpoint saved" in log.read_text()
    assert not (output / WEIGHTS).exists()


def assert_resumed_exactly(inputs: Inputs, stage: Stage, folder: Path) -> None:
    """A training that dies after step 5 and goes on ends as one that nothing disturbs."""
    expected = trained(inputs, stage, folder / "whole")
    output = folder / "killed"
    interrupted(inputs, stage, output, after=5)
    assert trained(inputs, stage, output) == expected
    assert steps_in(output / HISTORY) == steps_in(folder / "whole" / HISTORY)


@pytest.mark.parametrize(
    "weighting",
    [
        {"name": "fixed", "weights": {"classification": 0.1}},
        {"name": "uncertainty", "learning_rate": 0.03},
        {"name": "dynamic_weight_average", "period": 2},
        {"name": "nash_mtl", "update_weights_every": 3},
        {"name": "pcgrad"},
        {"name": "cagrad"},
    ],
    ids=lambda weighting: weighting["name"],
)
def test_a_weighting_goes_on_with_what_it_had(inputs: Inputs, tmp_path: Path, weighting: dict):
    precision = "fp16" if weighting["name"] == "nash_mtl" else "bf16"
    objective = {"name": "supervised", "classification": {"dropout": 0.2}}
    stage = small_stage(steps=10, objective=objective, weighting=weighting, precision=precision)
    # Step 5 lies within a period, and between two updates of Nash-MTL's weights.
    assert_resumed_exactly(inputs, stage, tmp_path)


@pytest.mark.nightly
def test_a_teacher_and_snapshots_go_on_too(inputs: Inputs, tmp_path: Path):
    """What other objectives hold goes on as well: tests/objectives/test_every_objective.py."""
    taught = {"teacher_decay": 0.9, "result": "teacher"}
    objective = {"name": "prevmatch", "confidence": {"threshold": 0.2}, "ramp_up": 0.5, **taught}
    batch = {"labelled": 4, "unlabelled": 3}
    stage = small_stage(steps=10, objective=objective, batch=batch)
    assert_resumed_exactly(inputs, stage, tmp_path)


@pytest.mark.parametrize("normal", ["normal", {"name": "normal", "codes": 12}])
def test_depths_and_normals_that_are_augmented_go_on_too(
    rooms_with_geometry: Path, rooms_split: Path, tmp_path: Path, normal: str | dict
):
    inputs = Inputs(rooms_with_geometry, rooms_split)
    stage = small_stage(
        steps=10,
        objective={"name": "multi_task", "tasks": ["segmentation", "depth", normal]},
        batch={"labelled": 4, "unlabelled": 3},
        augmentation={"flip": 0.5, "scale": [0.8, 1.25], "rotate": 20},
    )
    assert_resumed_exactly(inputs, stage, tmp_path)
