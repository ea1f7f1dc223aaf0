"""How long planning a grid takes, and how many jobs it has."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.measurement import Measurement, in_turns, speed_up
from fewmask.planning.grid import load_grid
from fewmask.planning.jobs import jobs

ROOT = Path(__file__).parents[1]
EXPERIMENT = Path("config/experiments/pet_masked_image.yaml")
FRACTIONS = ["0.05", "0.1", "0.25"]
JOBS_PER_SEED = 33

TOY = """\
METRICS = expand(
    "results/metrics/{{dataset}}/{{method}}/{{fraction}}/{{seed}}.json",
    dataset=["pet"],
    method={methods},
    fraction={fractions},
    seed=range({seeds}),
)
rule all:
    input: "results/tables/summary.csv", METRICS
rule download:
    output: "results/downloads/{{dataset}}.txt"
    shell: "touch {{output}}"
rule prepare:
    input: "results/downloads/{{dataset}}.txt"
    output: "results/datasets/{{dataset}}.h5"
    shell: "touch {{output}}"
rule fetch_encoder:
    output: "results/encoders/{{encoder}}.safetensors"
    shell: "touch {{output}}"
rule split:
    input: "results/datasets/{{dataset}}.h5"
    output: "results/splits/{{dataset}}/{{fraction}}/{{seed}}.csv"
    shell: "touch {{output}}"
rule train:
    input:
        dataset="results/datasets/{{dataset}}.h5",
        split="results/splits/{{dataset}}/{{fraction}}/{{seed}}.csv",
        encoder="results/encoders/resnet34.safetensors",
    output:
        weights="results/stages/{{dataset}}/{{method}}/{{fraction}}/{{seed}}/weights.safetensors",
        history="results/stages/{{dataset}}/{{method}}/{{fraction}}/{{seed}}/history.csv",
        training="results/stages/{{dataset}}/{{method}}/{{fraction}}/{{seed}}/training.json",
    shell: "touch {{output}}"
rule evaluate:
    input:
        dataset="results/datasets/{{dataset}}.h5",
        split="results/splits/{{dataset}}/{{fraction}}/{{seed}}.csv",
        weights="results/stages/{{dataset}}/{{method}}/{{fraction}}/{{seed}}/weights.safetensors",
        training="results/stages/{{dataset}}/{{method}}/{{fraction}}/{{seed}}/training.json",
    output:
        metrics="results/metrics/{{dataset}}/{{method}}/{{fraction}}/{{seed}}.json",
        images="results/metrics/{{dataset}}/{{method}}/{{fraction}}/{{seed}}.csv",
        examples="results/metrics/{{dataset}}/{{method}}/{{fraction}}/{{seed}}.examples.h5",
    shell: "touch {{output}}"
rule summarise:
    input: METRICS
    output: "results/tables/summary.csv"
    shell: "touch {{output}}"
"""
"""Snakemake's own graph of as many jobs, with their rules, inputs and outputs as patterns, and
nothing else: no settings, resources, logs, benchmarks or environments."""


def jobs_1000() -> list[Measurement]:
    """The plan of 1,000 jobs (snakemake -n), against a toy graph of the same size."""
    return [*_plan(1_000, turns=5, quiet=True), *_plan(1_000, turns=5, quiet=False)]


def jobs_10000() -> list[Measurement]:
    """The same for 10,000 jobs."""
    return [*_plan(10_000, turns=2, quiet=True), *_plan(10_000, turns=2, quiet=False)]


def jobs_20000() -> list[Measurement]:
    """The same for 20,000 jobs, without printing them."""
    return _plan(20_000, turns=2, quiet=True)


def shared_jobs() -> list[Measurement]:
    """The jobs of 5 methods x 3 fractions x 5 seeds on Oxford-IIIT Pet, against unshared stages."""
    grid = load_grid([EXPERIMENT], {"fractions": FRACTIONS, "seeds": list(range(5))})
    of_runs = [list(jobs(grid, run)) for run in grid.runs]
    alone, shared = [job for run in of_runs for job in run], {job for run in of_runs for job in run}
    details = {"jobs": len(shared), "jobs_if_nothing_were_shared": len(alone)}
    for rule in ("train", "split"):
        details[f"{rule}_jobs"] = sum(job.rule == rule for job in shared)
        details[f"{rule}_jobs_if_nothing_were_shared"] = sum(job.rule == rule for job in alone)
    what = f"jobs of the Pet grid: {len(shared)}, 75 runs"
    against = f"each run with its own: {len(alone)}"
    return [Measurement(what, against, [len(alone) / len(shared)], details=details)]


def _plan(number: int, turns: int, quiet: bool) -> list[Measurement]:
    """The time of Fewmask's plan divided by that of the toy graph. With ``quiet`` only the number
    of jobs of each rule is printed, as Snakemake recommends for large workflows."""
    options = ["--quiet"] if quiet else []
    seeds = number // JOBS_PER_SEED
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            "grid": _grid(Path(folder, "grid"), seeds, options),
            "toy": _toy(Path(folder, "toy"), seeds, options),
        }
        seconds = in_turns(ways, turns, warm_up=0)
    return [
        Measurement(
            f"{number:,} jobs, snakemake {' '.join(['-n', *options])}",
            "as long as a toy graph",
            speed_up(seconds, "toy", "grid"),
            target=1.3,
            at_most=True,
            details={f"{name}_seconds": min(taken) for name, taken in seconds.items()},
        )
    ]


def _grid(folder: Path, seeds: int, options: list[str]) -> Callable[[], None]:
    shutil.copytree(ROOT / "config", folder / "config")
    axes = [f"fractions=[{','.join(FRACTIONS)}]", f"seeds={list(range(seeds))}".replace(" ", "")]
    return partial(
        _snakemake,
        folder,
        *("--snakefile", ROOT / "workflow/Snakefile", *options),
        *("--configfile", EXPERIMENT, "--config", *axes),
    )


def _toy(folder: Path, seeds: int, options: list[str]) -> Callable[[], None]:
    folder.mkdir()
    methods = load_grid([EXPERIMENT]).experiment.methods
    text = TOY.format(methods=methods, fractions=FRACTIONS, seeds=seeds)
    (folder / "Snakefile").write_text(text)
    return partial(_snakemake, folder, *options)


def _snakemake(folder: Path, *options: str | Path) -> None:
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--dry-run", *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


BENCHMARKS = [jobs_1000, jobs_10000, jobs_20000, shared_jobs]
