"""The tasks of a step of SLURM's train one network together."""

import subprocess
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.training.test_processes import command, stage_of, train

pytestmark = pytest.mark.nightly


def test_they_train_what_processes_of_one_machine_do(
    cluster: Cluster, rooms: Path, rooms_split: Path, tmp_path: Path
):
    srun = ["srun", "--account=masks", "--ntasks=2", "--mem=3000"]
    own = command(stage_of(), rooms, rooms_split, tmp_path / "tasks", 2)
    done = subprocess.run(
        [*srun, *own], env=cluster.environment, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("step 6/6") == 1
    train(stage_of(), rooms, rooms_split, tmp_path / "launched", 2)
    mine, theirs = (
        (tmp_path / name / "weights.safetensors").read_bytes() for name in ("tasks", "launched")
    )
    assert mine == theirs
