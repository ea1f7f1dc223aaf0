"""How a job sets torch up, and what it tells of the machine that it ran on."""

import subprocess
import sys

import pytest
import torch

from fewmask.training.runtime import LONG, gpus, try_algorithms

CLEARED = """
import resource
import sys
import torch
from fewmask.training.runtime import start
if "start" in sys.argv:
    start("fp32", threads=1)
def made_anew():
    torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
first = made_anew()
print([made_anew() for _ in range(10)][-1] - first)
"""
"""Prints how many pages the system cleared for tensors of 64 MB, each gone before the next."""

SHARED = {"SUBMITIT_SIDE_BY_SIDE": "4"}
IN_SLURM = {"SLURM_JOB_NAME": "fewmask_0b2f", "SLURM_GPUS_ON_NODE": "2"}


@pytest.mark.parametrize(
    ("environment", "device", "expected"),
    [
        ({}, "cpu", 0),
        ({}, "cuda", 1),
        (IN_SLURM, "cuda", 2),
        (IN_SLURM, "cpu", 2),
        (IN_SLURM | {"SLURM_JOB_NAME": "interactive"}, "cuda", 1),
        ({"SLURM_JOB_NAME": "fewmask_0b2f"}, "cpu", 0),
        (IN_SLURM | SHARED, "cuda", 0.5),
        (SHARED, "cuda", 0.25),
    ],
)
def test_gpus_are_those_that_are_reserved_for_the_job(
    monkeypatch, environment: dict[str, str], device: str, expected: float
):
    for name in IN_SLURM | SHARED:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert gpus(torch.device(device)) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's way of handing memory back")
def test_memory_of_tensors_that_are_gone_is_used_again():
    plain, *tries = (
        int(subprocess.check_output([sys.executable, "-c", CLEARED, argument]))
        for argument in ("plain", "start", "start", "start")
    )
    # The least of three: a system may take pages that are idle away from any process.
    assert min(tries) < plain / 2


def test_only_long_trainings_try_the_algorithms_of_cudnn():
    tried = []
    for steps, deterministic in ((LONG - 1, False), (LONG, False), (LONG, True), (1, False)):
        try_algorithms(steps, deterministic)
        tried.append(torch.backends.cudnn.benchmark)
    assert tried == [False, True, False, False]
