"""What a job tells of the machine that it ran on."""

import pytest
import torch

from fewmask.training.runtime import gpus

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
    ],
)
def test_gpus_are_those_that_are_reserved_for_the_job(
    monkeypatch, environment: dict[str, str], device: str, expected: int
):
    for name in IN_SLURM:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert gpus(torch.device(device)) == expected
