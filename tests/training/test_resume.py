"""A training that is killed, at any moment and any number of times, ends as if it had not been."""

import os
import random
import signal
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from fewmask.cli import main
from fewmask.cli.rules import EXIT_INTERRUPTED
from fewmask.config.stage import Stage
from fewmask.core.files import written_whole
from fewmask.core.paths import CHECKPOINT, HISTORY, PSEUDO_MASKS, TRIES, WEIGHTS
from fewmask.data.pseudo_masks import Origin, write_pseudo_masks
from fewmask.data.store.store import Store
from fewmask.networks.weights import load_weights
from fewmask.training.execution import Execution
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.data.making import scenes_store
from tests.processes import run, start

KILLS = 12


@pytest.fixture
def inputs(rooms: Path, rooms_split: Path) -> Inputs:
    return Inputs(rooms, rooms_split)


SELF_TRAINING = small_stage(
    steps=24,
    objective={"name": "self_training"},
    pseudo_masks="supervised",
    batch={"labelled": 2, "unlabelled": 3},
)


@pytest.fixture
def pseudo_masks(rooms: Path, tmp_path: Path) -> Path:
    """Pseudo-masks of the training images, drawn at random."""
    path, rows, size = tmp_path / PSEUDO_MASKS, np.arange(20), (32, 32)
    drawn = np.random.default_rng(0).integers(0, 7, (2, len(rows), *size), dtype=np.uint8)
    with Store(rooms) as store:
        digest, classes = store.digest, tuple(store.classes)
    origin = Origin("rooms", str(rooms), digest, "weights.safetensors", "e" * 64, classes)
    write_pseudo_masks(path, rows, size, [tuple(drawn)], origin)
    return path


def trained(inputs: Inputs, stage: Stage, output: Path) -> bytes:
    """The weights file of a training that nothing disturbs."""
    assert run(partial(train, inputs, stage, 0, output)) == 0
    return (output / WEIGHTS).read_bytes()


def steps_in(history: Path) -> list[str]:
    """The history without the column of seconds, the only one that may differ."""
    rows = [line.split(",") for line in history.read_text().splitlines()]
    column = rows[0].index("seconds")
    return [",".join(row[:column] + row[column + 1 :]) for row in rows]


@pytest.mark.parametrize(
    "stage",
    [
        small_stage(steps=40),
        small_stage(
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


def test_other_settings_do_not_take_up_a_checkpoint(inputs: Inputs, tmp_path: Path):
    output, log = tmp_path / "stage", tmp_path / "log"
    interrupted(inputs, small_stage(), output)
    changed = small_stage(optimiser={"name": "adamw", "learning_rate": 0.001})
    assert run(partial(train, inputs, changed, 0, output), log) == 0
    assert "belongs to other settings, data or code: kept as" in log.read_text()
    assert (output / "checkpoint.aside.pt").exists()
    assert (output / WEIGHTS).read_bytes() == trained(inputs, changed, tmp_path / "whole")


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
    expected = trained(inputs, stage, tmp_path / "whole")
    output = tmp_path / "killed"
    # Step 5 lies within a period, and between two updates of Nash-MTL's weights.
    interrupted(inputs, stage, output, after=5)
    assert trained(inputs, stage, output) == expected
    assert steps_in(output / HISTORY) == steps_in(tmp_path / "whole" / HISTORY)


@pytest.mark.parametrize("name", ["fixmatch", "prevmatch"])
def test_teachers_and_snapshots_go_on_too(inputs: Inputs, tmp_path: Path, name: str):
    objective = {"name": name, "confidence": {"threshold": 0.2}, "ramp_up": 0.5}
    batch = {"labelled": 4, "unlabelled": 3}
    stage = small_stage(steps=10, objective=objective, batch=batch)
    expected = trained(inputs, stage, tmp_path / "whole")
    output = tmp_path / "killed"
    interrupted(inputs, stage, output, after=5)
    assert trained(inputs, stage, output) == expected
    assert steps_in(output / HISTORY) == steps_in(tmp_path / "whole" / HISTORY)


def test_a_second_decoder_goes_on_too(inputs: Inputs, tmp_path: Path):
    batch = {"labelled": 4, "unlabelled": 3}
    stage = small_stage(steps=10, objective={"name": "reconstruction"}, batch=batch)
    expected = trained(inputs, stage, tmp_path / "whole")
    output = tmp_path / "killed"
    interrupted(inputs, stage, output, after=5)
    assert trained(inputs, stage, output) == expected
    assert steps_in(output / HISTORY) == steps_in(tmp_path / "whole" / HISTORY)


@pytest.mark.parametrize("normal", ["normal", {"name": "normal", "codes": 12}])
def test_depths_and_normals_that_are_augmented_go_on_too(
    rooms_split: Path, tmp_path: Path, normal: str | dict
):
    inputs = Inputs(scenes_store(tmp_path / "rooms.h5", images=36), rooms_split)
    stage = small_stage(
        steps=10,
        objective={"name": "multi_task", "tasks": ["segmentation", "depth", normal]},
        batch={"labelled": 4, "unlabelled": 3},
        augmentation={"flip": 0.5, "scale": [0.8, 1.25], "rotate": 20},
    )
    expected = trained(inputs, stage, tmp_path / "whole")
    output = tmp_path / "killed"
    interrupted(inputs, stage, output, after=5)
    assert trained(inputs, stage, output) == expected
    assert steps_in(output / HISTORY) == steps_in(tmp_path / "whole" / HISTORY)


def test_a_damaged_checkpoint_is_set_aside(inputs: Inputs, tmp_path: Path):
    output, log = tmp_path / "stage", tmp_path / "log"
    output.mkdir()
    (output / CHECKPOINT).write_bytes(b"not a checkpoint")
    assert run(partial(train, inputs, small_stage(), 0, output), log) == 0
    assert "cannot be read" in log.read_text()
    assert (output / "checkpoint.aside.pt").read_bytes() == b"not a checkpoint"


def test_a_checkpoint_with_a_flipped_bit_is_set_aside(inputs: Inputs, tmp_path: Path):
    """torch would load it, and train on with one weight changed."""
    stage, output, log = small_stage(steps=6), tmp_path / "stage", tmp_path / "log"
    interrupted(inputs, stage, output, after=3)
    data = bytearray((output / CHECKPOINT).read_bytes())
    data[len(data) // 2] ^= 1
    (output / CHECKPOINT).write_bytes(data)
    torch.load(output / CHECKPOINT, weights_only=True)
    assert run(partial(train, inputs, stage, 0, output), log) == 0
    assert "cannot be read" in log.read_text()
    assert (output / WEIGHTS).read_bytes() == trained(inputs, stage, tmp_path / "whole")


def without_step(saved: dict) -> dict:
    del saved["state"]["step"]
    return saved


def of_other_shapes(saved: dict) -> dict:
    objective = saved["state"]["objective"]
    name = next(name for name, value in objective.items() if value.ndim == 4)
    objective[name] = objective[name][:, :1]
    return saved


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: [1, 2],
        lambda saved: None,
        lambda saved: {},
        lambda saved: {"fingerprint": saved["fingerprint"]},
        lambda saved: saved | {"state": None},
        lambda saved: saved | {"state": []},
        lambda saved: saved | {"state": {}},
        without_step,
        of_other_shapes,
    ],
)
def test_a_checkpoint_that_holds_something_else_is_set_aside(
    inputs: Inputs, tmp_path: Path, change
):
    """And the training is what it would have been without it."""
    stage, output, log = small_stage(steps=6), tmp_path / "stage", tmp_path / "log"
    interrupted(inputs, stage, output, after=3)
    torch.save(change(torch.load(output / CHECKPOINT, weights_only=True)), output / CHECKPOINT)
    assert run(partial(train, inputs, stage, 0, output), log) == 0
    assert "starting afresh" in log.read_text()
    assert (output / "checkpoint.aside.pt").exists()
    assert (output / WEIGHTS).read_bytes() == trained(inputs, stage, tmp_path / "whole")


def test_a_folder_in_the_place_of_a_checkpoint_is_set_aside(inputs: Inputs, tmp_path: Path):
    output = tmp_path / "stage"
    for name in (CHECKPOINT, "checkpoint.aside.pt"):
        (output / name).mkdir(parents=True)
        (output / name / "file").touch()
    assert run(partial(train, inputs, small_stage(steps=4), 0, output)) == 0
    assert (output / "checkpoint.aside.pt" / "file").exists()
    (output / CHECKPOINT).mkdir()  # and where there is nothing to do it stays
    assert run(partial(train, inputs, small_stage(steps=4), 0, output)) == 0


def test_hidden_files_of_others_stay(inputs: Inputs, tmp_path: Path):
    output = tmp_path / "stage"
    (output / ".ipynb_checkpoints").mkdir(parents=True)
    (output / ".nfs000000000000001").touch()

    def die_while_writing() -> None:
        with written_whole(output / CHECKPOINT):
            os.kill(os.getpid(), signal.SIGKILL)

    assert run(die_while_writing) == -signal.SIGKILL
    assert len(list(output.glob(".checkpoint.*"))) == 1
    assert run(partial(train, inputs, small_stage(steps=4), 0, output)) == 0
    hidden = sorted(path.name for path in output.glob(".*"))
    assert hidden == [".ipynb_checkpoints", ".nfs000000000000001"]


def test_a_trained_stage_is_not_trained_again(inputs: Inputs, tmp_path: Path):
    before = trained(inputs, small_stage(), tmp_path)
    written = (tmp_path / WEIGHTS).stat().st_mtime_ns
    assert trained(inputs, small_stage(), tmp_path) == before
    assert (tmp_path / WEIGHTS).stat().st_mtime_ns == written


def test_two_processes_do_not_train_one_stage_at_once(inputs: Inputs, tmp_path: Path):
    stage, output, log = small_stage(steps=60), tmp_path / "stage", tmp_path / "log"
    first = start(partial(train, inputs, stage, 0, output))
    while not (output / TRIES).exists():  # which it writes while it holds the lock
        time.sleep(0.01)
    assert run(partial(train, inputs, stage, 0, output), log) == 0
    first.join()
    assert first.exitcode == 0
    assert "waiting for another process" in log.read_text()
    assert "trained already" in log.read_text()


def test_seeds_give_different_weights(inputs: Inputs, tmp_path: Path):
    stage = small_stage(steps=4)
    for seed in (0, 1):
        assert run(partial(train, inputs, stage, seed, tmp_path / str(seed))) == 0
    first, second = (load_weights(tmp_path / str(seed) / WEIGHTS) for seed in (0, 1))
    name = "segmentation_head.0.weight"
    assert not torch.equal(first[name], second[name])


def interrupted(inputs: Inputs, stage: Stage, output: Path, after: int = 1) -> None:
    """Train up to the checkpoint after so many steps and die."""

    def die_after_a_checkpoint() -> None:
        whole_save = torch.save

        def save_and_die(state: object, path: Path) -> None:
            whole_save(state, path)
            if state["state"]["step"] < after:
                return
            path.replace(output / CHECKPOINT)
            os.kill(os.getpid(), signal.SIGKILL)

        torch.save = save_and_die
        train(inputs, stage, 0, output, Execution(checkpoint_minutes=0))

    assert run(die_after_a_checkpoint) == -signal.SIGKILL
    assert (output / CHECKPOINT).exists()
