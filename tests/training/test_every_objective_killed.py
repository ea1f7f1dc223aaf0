"""A training of any objective, by its command, that is killed and given again."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from fewmask.cli import main
from fewmask.core.paths import CHECKPOINT, HISTORY, WEIGHTS
from tests.conftest import small_stage
from tests.objectives.known import NAMES
from tests.processes import run, start
from tests.training.gradients import STAGES, inputs_of
from tests.training.interrupting import steps_in

CHECKPOINTS = 8
"""After so many of them, at most one for each step, a training is killed."""


@pytest.mark.nightly
@pytest.mark.parametrize("name", NAMES)
def test_a_killed_command_ends_with_the_same_weights(
    name: str, rooms_with_geometry: Path, rooms_split: Path, tmp_path: Path
):
    """The same within a process, in every run of the tests: tests/objectives/."""
    evaluation = {"every": 5, "metric": "loss"}
    settings = {"evaluation": evaluation, "precision": "bf16", **STAGES[name]}
    stage = small_stage(steps=24, **settings)
    inputs = inputs_of(stage, rooms_with_geometry, rooms_split)
    whole, killed, log = tmp_path / "whole", tmp_path / "killed", tmp_path / "log"

    def command(output: Path) -> None:
        masks = ["--pseudo-masks", str(inputs.pseudo_masks)] if inputs.pseudo_masks else []
        sys.argv = [
            *("fewmask", "train", "--settings", stage.shaping(), "--seed", "0", *masks),
            *("--dataset", str(inputs.dataset), "--split", str(inputs.split)),
            *("--output", str(output), "--checkpoint-seconds", "0"),
        ]
        main()

    assert run(lambda: command(whole), tmp_path / "log of the whole") == 0
    process = start(lambda: command(killed), log)
    checkpoint, seen = killed / CHECKPOINT, set()
    while len(seen) < CHECKPOINTS:
        assert process.is_alive(), log.read_text()
        if checkpoint.exists():
            seen.add(checkpoint.stat().st_mtime_ns)
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert not (killed / WEIGHTS).exists()
    assert run(lambda: command(killed), log) == 0
    assert "resuming from step" in log.read_text()
    assert (killed / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    assert steps_in(killed / HISTORY) == steps_in(whole / HISTORY)
