"""Jobs do without torch's compiler, and whoever asks for it has all of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fewmask.core.paths import WEIGHTS
from fewmask.training.inputs import Inputs
from tests.conftest import small_stage
from tests.training.interrupting import trained

LOADED = "torch._dynamo.eval_frame"
"""A module of the compiler for which nothing stands in."""

TRAIN = f"""
import json, sys
from contextlib import suppress
from fewmask.cli import main

with suppress(SystemExit):
    main()
print(json.dumps("{LOADED}" in sys.modules))
"""

ASK = f"""
import json, sys
from fewmask.core.compiler import postpone_compiler

postpone_compiler()
import timm, torch

before = "{LOADED}" in sys.modules
{{ask}}
import {LOADED} as module

doubled = torch.compile(lambda values: 2 * values, backend="eager")(torch.ones(3))
print(json.dumps([before, module is torch._dynamo.eval_frame, doubled.tolist()]))
"""


def answer(code: str, *arguments: str) -> object:
    """What code that runs in a process of its own prints at its end."""
    command = [sys.executable, "-c", code, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_a_training_does_without_and_learns_the_same(inputs: Inputs, tmp_path: Path):
    stage = small_stage(steps=4)
    expected = trained(inputs, stage, tmp_path / "here")
    options = {
        "--dataset": inputs.dataset,
        "--split": inputs.split,
        "--settings": stage.shaping(),
        "--seed": 0,
        "--output": tmp_path / "job",
    }
    loaded = answer(TRAIN, "train", *(str(part) for pair in options.items() for part in pair))
    assert loaded is False
    assert (tmp_path / "job" / WEIGHTS).read_bytes() == expected


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param("import torch._dynamo.eval_frame", id="a module"),
        pytest.param("from torch._dynamo.utils import counters", id="a name"),
    ],
)
def test_whoever_asks_has_the_compiler(ask: str):
    assert answer(ASK.format(ask=ask)) == [False, True, [2, 2, 2]]
