"""What is planned: the jobs that Snakemake plans too, and what they may take."""

from collections import Counter
from pathlib import Path

import pytest

from fewmask.core.paths import TRAINING
from fewmask.metrics.records import write_record
from fewmask.monitor.plan import Estimate, Kind, Plan, print_plan
from fewmask.planning.grid import Grid, load_grid
from fewmask.planning.jobs import Job
from tests.conftest import ROOT
from tests.report.synthetic_runs import RECORD
from tests.small_project import DATASET, change_config, write_config, write_project
from tests.workflow.snakemake import fewmask, planned

SUPERVISED = Kind("train", "rooms", "supervised/supervised")

PET = Path("config/experiments/pet_masked_image.yaml")

CHAIN = """\
extends: supervised
stages:
  pretrain:
    dataset: halls
    objective: {name: simclr}
    optimiser: {name: adamw, learning_rate: 0.003}
    steps: 1 epoch
    batch: {all: 8}
    evaluation: {metric: none}
    resources: {minutes: 30, gpus: 2, memory_gb: 20}
  supervised:
    start_from: pretrain
    transfer: [encoder]
    labels: all
    resources: {minutes: 120, gpus: 1, gpu_share: 4, cpus: 3}
"""


@pytest.fixture
def grid(project: Path) -> Grid:
    """2 fractions x 2 seeds of 2 methods, one of which is pretrained on a dataset of its own and
    sees all masks."""
    write_project(project)
    resources = {"minutes": 45}
    change_config(project, "methods/supervised", stages={"supervised": {"resources": resources}})
    change_config(project, "config", methods=["supervised", "chain"])
    write_config(project, "methods/chain", CHAIN)
    write_config(project, "datasets/halls", DATASET)
    return load_grid()


def job_of(plan: Plan, name: str) -> Job:
    """A job by its rule and cell."""
    return next(job for job in plan.is_to_do if f"{job.rule}/{job.cell}" == name)


def finish(grid: Grid, name: str, minutes: float | None = None, trained: float = 0) -> None:
    """Put a job's output there; ``minutes`` are what Snakemake measured, ``trained`` what the
    training counted itself."""
    job = job_of(Plan(grid), name)
    write(Path(job.output), "")
    if job.rule == "train":
        write_record(Path(job.output).with_name(TRAINING), RECORD | {"seconds": 60 * trained})
    if minutes is not None:
        write(Path(grid.layout.benchmark(job.rule, job.cell)), f"s\th:m:s\n{60 * minutes}\t-\n")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_every_job_is_counted_once_as_snakemake_does(grid: Grid, project: Path):
    counts = Counter()
    for kind, row in Plan(grid).rows().items():
        counts[kind.rule] += row.to_do
    assert counts == {
        "prepare": 2,
        "split": 8,  # rooms at 2 fractions and "all", halls at "all"; 2 seeds
        "train": 8,  # 4 of one method; 2 pretrainings, and 2 that see all masks, of the other
        "evaluate": 8,
        "summarise": 1,
    }
    assert counts == planned(project)


def test_what_is_shared_is_one_job(monkeypatch: pytest.MonkeyPatch):
    """The Pet grid, 7 methods x 3 fractions x 5 seeds."""
    monkeypatch.chdir(ROOT)
    axes = {"fractions": [0.05, 0.1, 0.25], "seeds": list(range(5))}
    counts = Counter()
    for kind, row in Plan(load_grid([PET], axes)).rows().items():
        counts[kind.rule] += row.jobs
    assert counts == {
        "download": 1,
        "prepare": 1,
        "fetch_encoder": 1,
        "split": 4 * 5,  # 3 fractions, and "all" for what does not depend on them
        # A seed: 3 methods of one stage at 3 fractions; the upper bound once for all fractions; 3
        # pretrained ones at 3 fractions, and the pretraining that two of them share, and the other.
        "train": (3 * 3 + 1 + 3 * 3 + 2) * 5,
        "evaluate": 7 * 3 * 5,
        "summarise": 1,
    }


def test_before_the_start_limits_are_those_of_the_yaml(grid: Grid):
    rows = Plan(grid).rows()
    assert rows[SUPERVISED].estimates == [Estimate(45, "YAML")] * 4
    assert (rows[SUPERVISED].cpu_hours, rows[SUPERVISED].gpu_hours) == (3, 0)
    pretrain = rows[Kind("train", "halls", "chain/pretrain")]
    assert (pretrain.to_do, pretrain.gpu_hours, pretrain.cpu_hours) == (2, 2, 0)
    assert rows[Kind("train", "rooms", "chain/supervised")].gpu_hours == 1  # four share a GPU
    assert rows[Kind("evaluate", "rooms", "chain")].estimates == []


def test_then_estimates_are_what_finished_jobs_took(grid: Grid):
    folder = "rooms/supervised"
    finish(grid, f"train/{folder}/n4/0/supervised", minutes=2)
    plan = Plan(grid)
    for cell in ("n4/1", "n8/0", "n8/1"):
        job = job_of(plan, f"train/{folder}/{cell}/supervised")
        assert plan.estimate(job) == Estimate(2, "measured")
    # A training that went on from a checkpoint counts all its tries, Snakemake the last one.
    finish(grid, f"train/{folder}/n8/0/supervised", minutes=1, trained=8)
    finish(grid, f"evaluate/{folder}/n4/0", minutes=0.5)
    plan = Plan(grid)
    assert plan.estimate(job_of(plan, f"train/{folder}/n4/1/supervised")).minutes == 2
    assert plan.estimate(job_of(plan, f"train/{folder}/n8/1/supervised")).minutes == 8
    row = plan.rows()[SUPERVISED]
    assert (row.jobs, row.to_do, row.cpu_hours) == (4, 2, pytest.approx(10 / 60))
    assert (
        plan.rows()[Kind("evaluate", *SUPERVISED[1:2], "supervised")].estimates
        == [Estimate(0.5, "measured")] * 3
    )
    chain = job_of(plan, "train/rooms/chain/all/0/supervised")
    assert plan.estimate(chain) == Estimate(120, "YAML")


def test_a_stage_run_by_hand_is_measured_by_itself(grid: Grid):
    finish(grid, "train/halls/chain/all/0/pretrain", trained=3)
    plan = Plan(grid)
    job = job_of(plan, "train/halls/chain/all/1/pretrain")
    assert plan.estimate(job) == Estimate(3, "measured")


def test_what_only_finished_runs_hang_on_is_not_to_do(grid: Grid):
    for fraction in ("n4", "n8"):
        finish(grid, f"evaluate/rooms/chain/{fraction}/0")
    plan = Plan(grid)
    assert not plan.is_to_do[job_of(plan, "train/halls/chain/all/0/pretrain")]
    assert plan.is_to_do[job_of(plan, "train/halls/chain/all/1/pretrain")]
    assert plan.is_to_do[job_of(plan, "split/rooms/n4/0")], "another method's run depends on it"


@pytest.mark.parametrize(("at_once", "expected"), [(2, "4.0"), (100, "2.5")])
def test_the_wall_time_is_not_below_that_of_the_longest_run(
    grid: Grid, capsys, at_once: int, expected: str
):
    print_plan(grid, at_once)
    printed = capsys.readouterr().out
    # 4 x 45 + 2 x 30 + 2 x 120 minutes are 8 hours; a pretrained run takes 30 + 120 minutes.
    assert f"With {at_once} jobs at a time: about {expected} hours" in printed
    assert "one job after another: 2.5 hours" in printed


def test_what_is_printed(grid: Grid, project: Path):
    answer = fewmask(project, "plan", "--config", "seeds=[0]")
    assert answer.returncode == 0, answer.stderr
    rows = [line.split() for line in answer.stdout.splitlines()]
    assert ["train", "halls", "chain/pretrain", *"101", "30.0", "YAML", "1.00", "–"] in rows
    assert ["evaluate", "rooms", "chain", *"202", "–", "–", "–", "–"] in rows
    assert ["total", *("15", "0", "15"), "1.50", "1.50"] in rows
    assert "YAML: the stage's resources.minutes, a limit" in answer.stdout
    assert "No estimate, not counted: prepare, split, evaluate, summarise." in answer.stdout
    assert "Per job at most: 20 GB of memory, CPU cores: 4, GPUs: 2." in answer.stdout
    assert not Path("results").exists()


def test_when_all_is_there_nothing_is_to_do(grid: Grid, capsys):
    for run in grid.runs:
        finish(grid, f"evaluate/rooms/{run.method}/{run.fraction}/{run.seed}")
    write(Path("results/tables/summary.csv"), "")
    print_plan(grid, 2)
    assert "Nothing to do" in capsys.readouterr().out


@pytest.mark.parametrize(
    "damaged", [b"", b"[]", b"nonsense", b'{"seconds": "60"', b"s\n-60\n", b"s\tx\n\n\xff", b"\0"]
)
def test_damaged_measurements_are_named_and_left_out(grid: Grid, damaged: bytes, capsys):
    name = "rooms/supervised/n4/0/supervised"
    finish(grid, f"train/{name}", minutes=2, trained=2)
    files = [
        Path(f"results/stages/{name}/training.json"),
        Path(f"results/benchmarks/train/{name}.tsv"),
    ]
    for path in files:
        path.write_bytes(damaged)
    plan = Plan(grid)
    job = job_of(plan, "train/rooms/supervised/n4/1/supervised")
    assert plan.estimate(job) == Estimate(45, "YAML")
    printed = capsys.readouterr().err
    assert all(f"{path}: not " in printed for path in files)
