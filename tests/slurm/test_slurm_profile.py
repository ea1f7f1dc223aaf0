"""A grid with the profile slurm: the same tables as with profiles/local, and what a user sees."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.faults import ask_for
from tests.slurm.submitter import Submitter, assert_equal
from tests.workflow.snakemake import ROOT

pytestmark = pytest.mark.slow


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_grid_on_gpus(cluster: Cluster, project: Path, expected: Path):
    ask_for(project, gpus=1)
    submitter = Submitter(cluster, project)
    shown = ("2 running, 1 waiting", "waiting in SLURM's queue for: Resources (1)")

    def are_shown() -> bool:
        printed = submitter.fewmask("status")
        return all(text in printed for text in shown)

    cluster.wait(are_shown, "three trainings have two GPUs")

    second = Submitter(cluster, project, output="second.out")
    assert "results: another snakemake writes here: process" in second.end()
    assert second.process.returncode == 1
    assert "Traceback" not in second.printed

    submitter.succeed()
    assert "done: 0 1 2" in submitter.fewmask("status")
    assert_equal(project, expected, seeds=3)
    for run in table(project / "results/tables/runs.csv"):
        # Only trainings and evaluations have a GPU, all the time that they take.
        assert float(run["gpu_hours"]) == pytest.approx(float(run["hours"]))
        assert float(run["hours"]) * 3600 > float(run["seconds"])
    total = table(project / "results/tables/cost.csv")[-1]
    assert float(total["gpu_hours"]) > 0
    assert "SLURM's accounting" in (project / "results/tables/cost.md").read_text()


@pytest.mark.nightly
def test_snakemake_may_itself_be_a_job(cluster: Cluster, project: Path, expected: Path):
    submitter = Submitter(
        cluster, project, "--config", "seeds=[0]", through=["srun", "--account=masks", "--mem=1000"]
    )
    submitter.succeed()
    assert_equal(project, expected)


@pytest.mark.parametrize("link", ["slurm", "profiles/slurm"])
def test_the_profile_is_found_from_the_root(link: str):
    assert (ROOT / link / "config.yaml").samefile(ROOT / "profiles/slurm/config.yaml")


def test_a_mistake_in_the_site_file_is_one_message(project: Path):
    (project / "profiles/site.yaml").write_text("acount: masks\n")
    answer = subprocess.run(
        [sys.executable, "-m", "snakemake", "-s", str(ROOT / "workflow/Snakefile"), "-n"],
        cwd=project,
        text=True,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert answer.returncode == 1
    assert "profiles/site.yaml" in answer.stdout
    assert "account" in answer.stdout
    assert "Traceback" not in answer.stdout
