"""Snakemake is asked to end, with all that it started: its jobs end too, and it can go on."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.processes import end_within
from tests.small_project import change_config, write_project
from tests.workflow import preloaded
from tests.workflow.snakemake import arguments, environment, snakemake, start_snakemake

STAGE = "rooms/supervised/n8/0/supervised"

ON_THIS_MACHINE = {
    "local": (),
    "submitit": (
        *("--executor", "submitit", "--submitit-cluster", "local", "--jobs", "2"),
        *("--seconds-between-status-checks", "1"),
    ),
}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("executor", ["local", pytest.param("submitit", marks=pytest.mark.nightly)])
def test_sigterm_for_all_ends_it_as_ctrl_c_does(tmp_path: Path, executor: str):
    write_project(tmp_path)
    longer = {"steps": 200, "checkpoint_minutes": 0.01}
    change_config(tmp_path, "methods/supervised", stages={"supervised": longer})
    stage = tmp_path / "results/stages" / STAGE
    command = (*ON_THIS_MACHINE[executor], f"results/stages/{STAGE}/weights.safetensors")
    first = start_snakemake(tmp_path, *command)
    while not (stage / "checkpoint.pt").exists():
        assert first.poll() is None, "it ended before it was asked to"
        time.sleep(0.05)
    started = psutil.Process(first.pid).children(recursive=True)
    os.killpg(first.pid, signal.SIGTERM)
    first.send_signal(signal.SIGTERM)  # as uv run does
    assert first.wait(timeout=60) == 1
    assert end_within(60, started)
    log = tmp_path / f"results/logs/train/{STAGE}.log"
    assert "checkpoint saved; start it again to resume" in log.read_text()

    answer = snakemake(tmp_path, *command)
    assert answer.returncode == 0, answer.stdout
    assert "resuming from step" in log.read_text()


def test_jobs_keep_what_they_compile_where_the_environment_forbids_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "compiled"))
    write_project(tmp_path)
    # Snakemake itself has been compiled before: everything anew takes half a minute.
    snakemake = str(preloaded.everything() / "snakemake")
    command = [snakemake, *arguments(tmp_path, "datasets")[1:]]
    subprocess.run(command, env=environment(), check=True, capture_output=True)
    assert list((tmp_path / "compiled").glob("**/fewmask/data/preparation/prepare.*.pyc"))
