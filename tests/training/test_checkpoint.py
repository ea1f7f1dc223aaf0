"""A checkpoint that does not belong to a training is set aside, and the training starts afresh."""

import os
import signal
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
import torch

from fewmask.core.files import written_whole
from fewmask.core.paths import CHECKPOINT, WEIGHTS
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.processes import run
from tests.training.interrupting import interrupted, trained

STAGE = small_stage(steps=6)


@pytest.fixture(scope="module")
def saved(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The checkpoint of the stage after step 3."""
    output = tmp_path_factory.mktemp("interrupted")
    interrupted(inputs, STAGE, output, after=3)
    return (output / CHECKPOINT).read_bytes()


@pytest.fixture(scope="module")
def expected(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of the stage when nothing disturbs it."""
    return trained(inputs, STAGE, tmp_path_factory.mktemp("whole"))


def test_other_settings_do_not_take_up_a_checkpoint(inputs: Inputs, tmp_path: Path):
    output, log = tmp_path / "stage", tmp_path / "log"
    interrupted(inputs, small_stage(), output)
    changed = small_stage(optimiser={"name": "adamw", "learning_rate": 0.001})
    assert run(partial(train, inputs, changed, 0, output), log) == 0
    assert "belongs to other settings, data or code: kept as" in log.read_text()
    assert (output / "checkpoint.aside.pt").exists()
    assert (output / WEIGHTS).read_bytes() == trained(inputs, changed, tmp_path / "whole")


def test_a_damaged_checkpoint_is_set_aside(inputs: Inputs, tmp_path: Path):
    output, log = tmp_path / "stage", tmp_path / "log"
    output.mkdir()
    (output / CHECKPOINT).write_bytes(b"not a checkpoint")
    assert run(partial(train, inputs, small_stage(), 0, output), log) == 0
    assert "cannot be read" in log.read_text()
    assert (output / "checkpoint.aside.pt").read_bytes() == b"not a checkpoint"


def test_a_checkpoint_with_a_flipped_bit_is_set_aside(
    inputs: Inputs, saved: bytes, expected: bytes, tmp_path: Path
):
    """torch would load it, and train on with one weight changed."""
    log = tmp_path / "log"
    data = bytearray(saved)
    data[len(data) // 2] ^= 1
    (tmp_path / CHECKPOINT).write_bytes(data)
    torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert run(partial(train, inputs, STAGE, 0, tmp_path), log) == 0
    assert "cannot be read" in log.read_text()
    assert (tmp_path / WEIGHTS).read_bytes() == expected


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
    inputs: Inputs, saved: bytes, expected: bytes, tmp_path: Path, change
):
    """And the training is what it would have been without it."""
    log = tmp_path / "log"
    torch.save(change(torch.load(BytesIO(saved), weights_only=True)), tmp_path / CHECKPOINT)
    assert run(partial(train, inputs, STAGE, 0, tmp_path), log) == 0
    assert "starting afresh" in log.read_text()
    assert (tmp_path / "checkpoint.aside.pt").exists()
    assert (tmp_path / WEIGHTS).read_bytes() == expected


def test_a_folder_in_the_place_of_a_checkpoint_is_set_aside(inputs: Inputs, tmp_path: Path):
    output = tmp_path / "stage"
    for name in (CHECKPOINT, "checkpoint.aside.pt"):
        (output / name).mkdir(parents=True)
        (output / name / "file").touch()
    assert run(partial(train, inputs, small_stage(steps=4), 0, output)) == 0
    assert (output / "checkpoint.aside.pt" / "file").exists()
    (output / CHECKPOINT).unlink()
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
