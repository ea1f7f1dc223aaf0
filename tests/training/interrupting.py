"""Trainings that end before their time, and what they leave."""

import os
import signal
from functools import partial
from pathlib import Path

import torch

from fewmask.config.stage import Stage
from fewmask.core.paths import CHECKPOINT, WEIGHTS
from fewmask.training.execution import Execution
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.processes import run


def trained(inputs: Inputs, stage: Stage, output: Path) -> bytes:
    """The weights file of a training that nothing disturbs."""
    assert run(partial(train, inputs, stage, 0, output)) == 0
    return (output / WEIGHTS).read_bytes()


def steps_in(history: Path) -> list[str]:
    """The history without the column of seconds, the only one that may differ."""
    rows = [line.split(",") for line in history.read_text().splitlines()]
    column = rows[0].index("seconds")
    return [",".join(row[:column] + row[column + 1 :]) for row in rows]


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
