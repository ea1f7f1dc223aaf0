"""Several processes train what one does: same batch, same losses, same weights but for rounding."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from fewmask.config.batch import Batch
from fewmask.config.resources import Resources
from fewmask.metrics import table
from tests.conftest import small_stage
from tests.processes import run, run_together
from tests.training import gradients
from tests.workflow.snakemake import preloaded_environment

FEWMASK = Path(sys.executable).with_name("fewmask")

SGD = {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9}
"""Adam divides tiny gradients by themselves, and so makes much of rounding."""

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def stage_of(**changes):
    return small_stage(
        optimiser=SGD,
        precision="fp32",
        steps=6,
        evaluation={"every": 3, "batch_size": 6},
        **changes,
    )


def command(stage, rooms: Path, split: Path, output: Path, processes: int, *more: str):
    return [
        *(str(FEWMASK), "train", "--dataset", str(rooms), "--split", str(split)),
        *("--settings", stage.shaping(), "--seed", "0", "--output", str(output)),
        *("--threads", str(processes), "--processes", str(processes), *more),
    ]


def end_of(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """How a training ends that nobody ends."""
    own = ["fewmask", *command(*arguments)[1:]]
    environment = preloaded_environment() | variables
    return subprocess.run(own, env=environment, capture_output=True, text=True)


def train(*arguments: object) -> str:
    done = end_of(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stderr


def losses(folder: Path) -> list[dict[str, float]]:
    """The history without what counts classes: a rounding decides on the class of a pixel."""
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    counted = {
        "seconds",
        *(
            f"validation_{name}"
            for name in table.names(table.measured_on("validation"))
            if name != "loss"
        ),
    }
    return [{k: float(v) for k, v in row.items() if k not in counted} for row in rows]


def assert_alike(one: Path, other: Path, tolerance: float = 2e-3) -> None:
    """The same losses at every evaluation, and the same weights."""
    for mine, theirs in zip(losses(one), losses(other), strict=True):
        assert mine == pytest.approx(theirs, rel=tolerance, abs=tolerance)
    mine, theirs = (load_file(folder / "weights.safetensors") for folder in (one, other))
    assert mine.keys() == theirs.keys()
    for name, tensor in mine.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, theirs[name], rtol=tolerance, atol=tolerance)


@pytest.mark.slow
def test_gradients_are_those_of_one_process_whatever_is_learnt(
    rooms_with_geometry, rooms_split, tmp_path
):
    one, two = tmp_path / "one", tmp_path / "two"
    write = partial(gradients.write, rooms_with_geometry, rooms_split)
    assert run(partial(write, one)) == 0
    assert run_together(partial(write, two), 2) == [0, 0]
    one, two = (torch.load(path, weights_only=True) for path in (one, two))
    assert one.keys() == two.keys() == gradients.STAGES.keys()
    for objective, found in one.items():
        assert found.keys() == two[objective].keys()
        for name, gradient in found.items():
            # What is 0 but for rounding has no digits to compare.
            off = (gradient - two[objective][name]).norm() / gradient.norm().clamp(min=1e-9)
            assert off < 1e-6, f"{objective}: {name}"


@pytest.fixture(scope="module")
def two(rooms, rooms_split, tmp_path_factory) -> tuple[Path, str]:
    """What two processes have trained, and what they said."""
    folder = tmp_path_factory.mktemp("processes") / "two"
    return folder, train(stage_of(), rooms, rooms_split, folder, 2)


@pytest.mark.slow
def test_two_processes_train_what_one_does(rooms, rooms_split, tmp_path, two):
    one, (two, said) = tmp_path / "one", two
    train(stage_of(), rooms, rooms_split, one, 1)
    assert_alike(one, two)
    assert json.loads((two / "training.json").read_text())["processes"] == 2
    assert said.count("step 6/6") == 1, "the first process speaks for both"
    assert said.splitlines()[-1] == "done"


@pytest.mark.slow
def test_they_stop_and_go_on_to_the_same_bits(rooms, rooms_split, tmp_path):
    stage = stage_of().model_copy(update={"steps": 30})
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(stage, rooms, rooms_split, whole, 2)
    log = tmp_path / "log"
    with log.open("w") as file:
        started = subprocess.Popen(
            command(stage, rooms, rooms_split, stopped, 2), stdout=file, stderr=file
        )
        while "step 3/30" not in log.read_text():
            assert started.poll() is None, log.read_text()
            time.sleep(0.05)
        started.send_signal(signal.SIGTERM)
        assert started.wait() == 75
    assert log.read_text().count("checkpoint saved") == 1
    alone = shutil.copytree(stopped, tmp_path / "alone")
    said = train(stage, rooms, rooms_split, stopped, 2)
    assert said.count("resuming from step") == 1
    mine, theirs = ((one / "weights.safetensors").read_bytes() for one in (whole, stopped))
    assert mine == theirs

    said = train(stage, rooms, rooms_split, alone, 1)
    assert said.count("resuming from step") == 1, "one process goes on where two were stopped"
    assert losses(alone)[0] == losses(whole)[0]
    assert len(losses(alone)) == len(losses(whole))


@pytest.mark.slow
def test_when_one_is_killed_none_is_left(rooms, rooms_split, tmp_path):
    stage = stage_of().model_copy(update={"steps": 4000})
    log = tmp_path / "log"
    with log.open("w") as file:
        started = subprocess.Popen(
            command(stage, rooms, rooms_split, tmp_path / "out", 2), stdout=file, stderr=file
        )
        while "step 3/4000" not in log.read_text():
            assert started.poll() is None, log.read_text()
            time.sleep(0.05)
        helpers = psutil.Process(started.pid).children()
        assert len(helpers) == 2
        helpers[1].kill()
        assert started.wait() == 128 + signal.SIGKILL
    assert not any(one.is_running() for one in helpers)
    assert log.read_text().splitlines()[-1] != "done"


@pytest.mark.slow
def test_torchrun_may_start_them(rooms, rooms_split, tmp_path, two):
    own = command(stage_of(), rooms, rooms_split, tmp_path, 2)
    done = subprocess.run([*TORCHRUN, *own], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    mine, theirs = ((one / "weights.safetensors").read_bytes() for one in (tmp_path, two[0]))
    assert mine == theirs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("batch", "world", "found"),
    [
        (3, {}, "batch.labelled is 3, which 2 processes cannot share"),
        (4, {"RANK": "0", "WORLD_SIZE": "3"}, "--processes is 2, and 3 were started"),
    ],
)
def test_what_cannot_be_is_told(batch, world, found, rooms, rooms_split, tmp_path):
    stage = stage_of().model_copy(update={"batch": Batch(labelled=batch)})
    done = end_of(stage, rooms, rooms_split, tmp_path / "out", 2, **world)
    assert done.returncode == 1
    assert found in done.stderr
    assert "mend:" in done.stderr
    assert "Traceback" not in done.stderr


def test_each_process_needs_a_gpu_of_its_own():
    with pytest.raises(ValidationError, match="processes is 2, and gpus 1"):
        Resources(processes=2)
    assert Resources(processes=2, gpus=0).processes == 2


def test_what_starts_them_needs_no_torch():
    code = "import sys, fewmask.cli.rules, fewmask.core.place, fewmask.training.launch as one; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
