"""A stage is trained once, by one process at a time."""

import time
from functools import partial
from pathlib import Path

import pytest
import torch

from fewmask.core.paths import TRIES, WEIGHTS
from fewmask.networks.weights import load_weights
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.processes import run, start
from tests.training.interrupting import trained


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


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_bf16_on_a_processor_without_it_is_told(inputs: Inputs, tmp_path: Path, precision: str):
    log, known = tmp_path / "log", Path("/proc/cpuinfo").read_text()
    stage = small_stage(steps=4, precision=precision)
    assert run(partial(train, inputs, stage, 0, tmp_path / "stage"), log) == 0
    is_told = "no instructions for bf16" in log.read_text()
    assert is_told == (precision == "bf16" and "avx512" not in known)


def test_seeds_give_different_weights(inputs: Inputs, tmp_path: Path):
    stage = small_stage(steps=4)
    for seed in (0, 1):
        assert run(partial(train, inputs, stage, seed, tmp_path / str(seed))) == 0
    first, second = (load_weights(tmp_path / str(seed) / WEIGHTS) for seed in (0, 1))
    name = "segmentation_head.0.weight"
    assert not torch.equal(first[name], second[name])
