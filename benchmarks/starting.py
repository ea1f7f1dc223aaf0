"""How long a training takes to its first step, from the start and after it was stopped."""

import json
import shlex
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tests.slurm.cluster import Cluster, missing_packages
from tests.workflow.snakemake import BIN

from benchmarks.executors import EXECUTORS
from benchmarks.measurement import Measurement
from benchmarks.project import CORES, Project, project
from fewmask.core.cells import Run
from fewmask.core.paths import CHECKPOINT
from fewmask.planning.job_arguments import JobArguments

RUN = Run("oxford_pet_64", "supervised", "n200", 0)
TURNS, IN_SLURM = 5, 3
SNAKEFILE = """\
rule train:
    output: "moments.json"
    resources: runtime=10, mem_mb=4000, slurm_account="masks"
    shell: "date +%s.%N > process; bash train.sh > {output}"
"""


class Moments(NamedTuple):
    """Moments of a training's process, in seconds of one clock for all processes."""

    started: float
    imported: float
    begun: float
    """The first step that it trains begins."""
    done: float
    """That step is done."""


def pet_64() -> list[Measurement]:
    """From the start of a training's process to its first step, and from a checkpoint: U-Net
    ResNet-18, 64 px.

    Each time is that of a new process, which ends after one step and saves a checkpoint.
    """
    with project("pet_supervised", RUN) as made:
        command, folder = _training(made)
        first, resumed = [], []
        for _ in range(TURNS):
            Path(folder, CHECKPOINT).unlink(missing_ok=True)
            first.append(_moments(command))
            resumed.append(_moments(command))
    what = "U-Net ResNet-18, 64 px"
    start, go_on = f"a training starts, {what}", f"going on from a checkpoint, {what}"
    to_imports = [one.imported - one.started for one in first]
    to_first = [one.begun - one.started for one in first]
    to_next = [one.begun - one.imported for one in resumed]
    to_its_end = [one.done - one.imported for one in resumed]
    return [
        Measurement(f"{start}: imports done", "start", to_imports, unit="s"),
        Measurement(f"{start}: first step begins", "start", to_first, 10, "s", at_most=True),
        Measurement(
            f"{go_on}: first new step begins", "imports done", to_next, 1, "s", at_most=True
        ),
        Measurement(f"{go_on}: first new step done", "imports done", to_its_end, unit="s"),
    ]


def slurm() -> list[Measurement]:
    """From a SLURM job that runs to the first step of its training, the same one, and how much of
    that is Snakemake's: on a SLURM of this machine, where its packages are installed.

    Snakemake plans once more in the job, and again in the step of the job that it starts there.
    """
    if missing := missing_packages():
        print(f"left out, for there is no SLURM: apt-get install {' '.join(missing)}")
        return []
    cluster = Cluster()
    try:
        with project("pet_supervised", RUN) as made:
            command, folder = _training(made)
            Path(folder, "train.sh").write_text(f"cd {Path.cwd()}\nexec {shlex.join(command)}\n")
            jobs = [_in_job(cluster, Path(folder).resolve()) for _ in range(IN_SLURM)]
    finally:
        cluster.stop()
    moments = ("Snakemake has started the training", "its imports are done", "first step begins")
    return [
        Measurement(f"a SLURM job: {moment}", "job runs", values, unit="s")
        for moment, values in zip(moments, zip(*jobs, strict=True), strict=True)
    ]


def _in_job(cluster: Cluster, folder: Path) -> tuple[float, float, float]:
    """The moments of a training in a SLURM job, in seconds since the job runs."""
    (folder / "Snakefile").write_text(SNAKEFILE)
    for name in (CHECKPOINT, "moments.json"):
        (folder / name).unlink(missing_ok=True)
    subprocess.run(
        [str(BIN / "snakemake"), "--executor", "slurm", *EXECUTORS["slurm"], "--jobs", "1"],
        cwd=folder,
        env=cluster.environment | {"PATH": f"{BIN}:{cluster.environment['PATH']}"},
        capture_output=True,
        check=True,
    )
    # In whole seconds.
    started = cluster.run("sacct", "-n", "-X", "-o", "Start").stdout.split()[-1]
    runs = datetime.fromisoformat(started).timestamp()
    to_wall_clock = time.time() - time.monotonic()
    imported, begun, _ = json.loads((folder / "moments.json").read_text())
    process = float((folder / "process").read_text())
    return process - runs, imported + to_wall_clock - runs, begun + to_wall_clock - runs


def _training(made: Project) -> tuple[list[str], str]:
    """The command that trains for one step, from the root of the project, and its folder."""
    [key] = made.grid.stages(made.run)
    inputs = {name: path and str(path) for name, path in vars(made.inputs(key)).items()}
    folder = made.grid.layout.stage_folder(key, made.run.seed)
    Path(folder).mkdir(parents=True, exist_ok=True)
    settings = json.dumps([JobArguments(made.grid).train_settings(key), inputs, folder, CORES])
    return [sys.executable, "-m", "benchmarks.started", settings], folder


def _moments(command: list[str]) -> Moments:
    started = time.monotonic()
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Moments(started, *json.loads(found))


BENCHMARKS = [pet_64, slurm]
