"""What runs cost: which values count, and that what is shared counts once in a total."""

from pathlib import Path

import pandas as pd
import pytest

from fewmask.cluster.slurm import Spent, comment_of
from fewmask.core.paths import Layout
from fewmask.report.results import job_costs
from fewmask.report.results.runs import collect
from fewmask.report.summarise import summarise
from fewmask.report.tables.cost import cost_summary, cost_table
from tests.report.synthetic_runs import requested, write_run
from tests.report.tables.test_pseudo_masks import quality

PRETRAINED = "scenes/simclr/all/0/pretrain"


def stage(cell, seconds, gpus=1):
    """What a metrics file says of one stage."""
    return {"cell": cell, "seconds": seconds, "device": "NVIDIA H200", "gpus": gpus}


def benchmark(rule, cell, seconds):
    """Snakemake's measurement of a job."""
    path = Path(Layout().benchmark(rule, cell))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t99.5\n")


def collected(**axes):
    """The table of runs, and the summary of their cost."""
    grid = requested(**axes)
    found = collect(grid)
    return found.table, cost_summary(grid, found)


def test_the_jobs_of_a_run_add_up(project):
    first, second = (f"scenes/chain/n10/0/{name}" for name in ("first", "second"))
    stages = [stage(first, 3500, gpus=2), stage(second, 7000, gpus=0.25)]
    write_run(method="chain", stages=stages, pseudo_masks=[quality()])
    benchmark("train", first, 3600)
    benchmark("train", second, 7200)
    benchmark("pseudo_label", first, 900)
    benchmark("evaluate", "scenes/chain/n10/0", 1800)
    runs, _ = collected(methods=["chain"])
    assert runs["hours"].tolist() == [1 + 2 + 0.25 + 0.5]
    # The first stage had 2 GPUs, its pseudo-labelling one of them, the second a part of one, the
    # evaluation on a processor none.
    assert runs["gpu_hours"].tolist() == [2 * 1 + 0.25 * 2 + 0.25]


def test_a_training_counts_its_tries_and_stands_in_for_a_missing_benchmark(project):
    cells = [f"scenes/supervised/n10/{seed}/supervised" for seed in range(3)]
    for seed, cell in enumerate(cells):
        write_run(seed=seed, stages=[stage(cell, 3600)])
    benchmark("train", cells[0], 1800)  # its last try went on from a checkpoint
    benchmark("train", cells[1], 5400)
    benchmark("train", cells[2], "NA")
    runs, table = collected(seeds=[0, 1, 2])
    assert runs["hours"].tolist() == [1, 1.5, 1]
    row = table.iloc[0]
    assert (row.jobs, row.from_benchmark, row.from_training, row.from_unknown) == (6, 2, 1, 3)


def test_a_shared_stage_counts_in_every_run_and_once_in_a_total(project):
    for method in ("simclr", "simclr_frozen"):
        for fraction in ("n10", "n20"):
            cell = f"scenes/{method}/{fraction}/0"
            own = stage(f"{cell}/supervised", 3600)
            write_run(method=method, fraction=fraction, stages=[stage(PRETRAINED, 36000), own])
            benchmark("evaluate", cell, 360)
    axes = {"methods": ["simclr", "simclr_frozen"], "fractions": ["n10", "n20"]}
    runs, table = collected(**axes, seeds=[0])
    assert runs["hours"].tolist() == [pytest.approx(11.1)] * 4
    assert table[["dataset", "method"]].to_numpy().tolist() == [
        ["scenes", "simclr"],
        ["scenes", "simclr_frozen"],
        ["total", ""],
    ]
    assert table["hours"].tolist() == pytest.approx([12.2, 12.2, 14.4])
    assert table["gpu_hours"].tolist() == pytest.approx([12, 12, 14])
    assert table["gpu_hours_per_run"].tolist() == pytest.approx([11, 11, 11])
    assert table["jobs"].tolist() == [5, 5, 9]


def test_accounting_is_preferred_for_it_knows_all_tries(project, monkeypatch):
    cell = "scenes/supervised/n10/0"
    write_run(stages=[stage(f"{cell}/supervised", 3600)])
    benchmark("train", f"{cell}/supervised", 3600)
    benchmark("evaluate", cell, 360)
    known = {comment_of("train", f"{cell}/supervised"): Spent(7200, 4 * 7200)}
    monkeypatch.setattr(job_costs, "accounted_jobs", lambda folder: known)
    runs, table = collected()
    assert runs["hours"].tolist() == [pytest.approx(2.1)]
    assert runs["gpu_hours"].tolist() == [8]
    assert table[["from_accounting", "from_benchmark"]].to_numpy().tolist() == [[1, 1], [1, 1]]
    text = cost_table(requested(), table).markdown()
    assert "of 2 jobs: 1 from SLURM's accounting (all tries); 1 from Snakemake's" in text


def test_where_accounting_tells_no_gpus_those_of_the_job_count(project, monkeypatch):
    write_run(stages=[stage("scenes/supervised/n10/0/supervised", 3600, gpus=2)])
    known = {comment_of("train", "scenes/supervised/n10/0/supervised"): Spent(7200, 0)}
    monkeypatch.setattr(job_costs, "accounted_jobs", lambda folder: known)
    runs, _ = collected()
    assert runs[["hours", "gpu_hours"]].to_numpy().tolist() == [[2, 4]]


def test_runs_that_are_not_there_are_told_and_cost_nothing(project):
    write_run(method="a", seed=0, stages=[stage("scenes/a/n10/0/supervised", 3600)])
    grid = requested(methods=["a", "b"], seeds=[0, 1])
    found = collect(grid)
    table = cost_summary(grid, found)
    assert table[["runs", "runs_requested"]].to_numpy().tolist() == [[1, 2], [0, 2], [1, 4]]
    assert table["hours"].tolist() == [1, 0, 1]
    rows = [line.split("|")[1:-1] for line in cost_table(grid, table).markdown().splitlines()[-3:]]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["scenes", "a", "1 of 2", "1.00", "1.00", "1.00", "0.9"],
        ["scenes", "b", "0 of 2", "0.00", "0.00", "–", "–"],
        ["total", "", "1 of 4", "1.00", "1.00", "1.00", "0.9"],
    ]


def test_the_files(project):
    write_run(stages=[stage("scenes/supervised/n10/0/supervised", 5400, gpus=0)])
    summarise(requested(), Path("tables"), Path("figures"))
    assert pd.read_csv("tables/cost.csv")["hours"].tolist() == [1.5, 1.5]
    assert pd.read_csv("tables/runs.csv")["hours"].tolist() == [1.5]
    text = Path("tables/cost.md").read_text(encoding="utf-8")
    assert text.startswith("# Cost: A title\n")
    assert "GPU hours |" not in text
    assert "1 from no source (counted as 0)" in text
