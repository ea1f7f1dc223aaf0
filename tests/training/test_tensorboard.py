"""TensorBoard shows what the history says, also of a training that was killed and went on."""

import csv
import os
import random
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fewmask.config.stage import Stage
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import CHECKPOINT, HISTORY, WEIGHTS
from fewmask.training.execution import Execution
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import SMALL_RESNET, small_stage
from tests.processes import run, start

Curves = dict[str, list[tuple[int, float]]]


def shown(reader: EventAccumulator) -> Curves:
    """What TensorBoard's own reader finds: steps and values (float32) of every curve."""
    reader.Reload()
    tags = reader.Tags()["scalars"]
    return {tag: [(e.step, e.value) for e in reader.Scalars(tag)] for tag in tags}


def expected(history: Path) -> Curves:
    """The same, from the history."""
    with history.open() as file:
        rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]
    names = {
        "training/loss": "loss",
        "training/cross_entropy": "cross_entropy",
        "training/learning_rate": "learning_rate",
        **{f"validation/{name[11:]}": name for name in rows[0] if name.startswith("validation_")},
    }
    curves = {
        tag: [(int(row["step"]), float(np.float32(row[name]))) for row in rows]
        for tag, name in names.items()
    }
    seen, seconds = (
        np.diff([row[name] for row in rows], prepend=0) for name in ("images_seen", "seconds")
    )
    speeds = np.float32(seen / seconds).tolist()
    return curves | {
        "training/images_per_second": [
            (int(r["step"]), s) for r, s in zip(rows, speeds, strict=True)
        ]
    }


def dies_at(step: int, saved: int, inputs: Inputs, stage: Stage, output: Path, folder: Path):
    """Train with checkpoints up to step ``saved``, and be killed at another."""
    whole_save = torch.save

    def save(state: dict, path: Path) -> None:
        if state["state"]["step"] == step:
            os.kill(os.getpid(), signal.SIGKILL)
        if state["state"]["step"] <= saved:
            whole_save(state, path)
        else:
            shutil.copy(output / CHECKPOINT, path)

    torch.save = save
    train(inputs, stage, 0, output, Execution(0, tensorboard=folder))


def test_curves_are_the_history_and_change_nothing(inputs: Inputs, tmp_path: Path):
    stage, folder = small_stage(), tmp_path / "curves"
    assert run(partial(train, inputs, stage, 0, tmp_path / "without")) == 0
    assert (
        run(partial(train, inputs, stage, 0, tmp_path / "with", Execution(tensorboard=folder))) == 0
    )
    curves = shown(EventAccumulator(str(folder)))
    assert curves == expected(tmp_path / "with" / HISTORY)
    assert [step for step, _ in curves["validation/miou"]] == [5, 10, 15, 20]
    weights = [(tmp_path / name / WEIGHTS).read_bytes() for name in ("without", "with")]
    assert weights[0] == weights[1]


def test_looks_after_the_last_checkpoint_are_not_there_twice(inputs: Inputs, tmp_path: Path):
    stage, output, folder = small_stage(), tmp_path / "stage", tmp_path / "curves"
    assert run(partial(dies_at, 13, 7, inputs, stage, output, folder)) == -signal.SIGKILL
    watching = EventAccumulator(str(folder))
    assert [step for step, _ in shown(watching)["training/loss"]] == [5, 10]
    assert run(partial(train, inputs, stage, 0, output, Execution(tensorboard=folder))) == 0
    assert shown(EventAccumulator(str(folder))) == expected(output / HISTORY)
    assert shown(watching) == expected(output / HISTORY)


def test_killed_at_random_moments(inputs: Inputs, tmp_path: Path):
    stage = small_stage(network=SMALL_RESNET, steps=40)
    output, folder = tmp_path / "stage", tmp_path / "curves"
    work = partial(train, inputs, stage, 0, output, Execution(0, tensorboard=folder))
    draw, kills = random.Random(0), 0
    while (process := start(work)).exitcode != 0:
        process.join(timeout=draw.uniform(0.2, 1.2) if kills < 8 else None)
        if process.exitcode is None:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            kills += 1
        else:
            break
    assert kills > 2
    assert shown(EventAccumulator(str(folder))) == expected(output / HISTORY)


def test_curves_of_other_settings_are_replaced(inputs: Inputs, tmp_path: Path):
    output, folder = tmp_path / "stage", tmp_path / "curves"
    for steps in (20, 10):
        stage = small_stage(steps=steps)
        assert run(partial(train, inputs, stage, 0, output, Execution(tensorboard=folder))) == 0
    assert shown(EventAccumulator(str(folder))) == expected(output / HISTORY)


def test_without_tensorboard_it_is_one_message(inputs: Inputs, tmp_path: Path):
    def work() -> None:
        sys.modules["tensorboard"] = None
        for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
            del sys.modules[name]
        with pytest.raises(FewmaskError, match="TensorBoard cannot be imported") as raised:
            train(
                inputs,
                small_stage(),
                0,
                tmp_path / "stage",
                Execution(tensorboard=tmp_path / "curves"),
            )
        assert "pip install tensorboard" in str(raised.value)

    assert run(work) == 0
    assert not (tmp_path / "curves").exists()
