"""Several tasks from one encoder, and their single-task twins, through the real Snakemake."""

import csv
import json
from pathlib import Path

import pytest

from fewmask.metrics.depth import NAMES as DEPTH_METRICS
from fewmask.metrics.normal import NAMES as NORMAL_METRICS
from tests.small_project import change_config, write_config, write_project
from tests.workflow.snakemake import snakemake

MULTI_TASK = """\
extends: supervised
stages:
  supervised:
    objective: {name: multi_task}
    batch: {labelled: 2, unlabelled: 2}
"""

SINGLE_DEPTH = """\
extends: multi_task
stages:
  supervised:
    objective: {tasks: [depth]}
    batch: {labelled: 0, unlabelled: 0, all: 4}
    evaluation: {metric: loss}
"""

BASELINES = {"segmentation": "supervised", "depth": "single_depth"}


@pytest.mark.slow
def test_it_runs_to_the_change_against_single_tasks(tmp_path: Path):
    write_project(tmp_path)
    for name, text in (("multi_task", MULTI_TASK), ("single_depth", SINGLE_DEPTH)):
        write_config(tmp_path, f"methods/{name}", text)
    requested = {
        "methods": ["supervised", "single_depth", "multi_task"],
        "fractions": ["n8"],
        "seeds": [0],
        "metrics": ["miou", "depth_absolute_error", "normal_mean_angle", "delta_m"],
        "baselines": BASELINES,
    }
    change_config(tmp_path, "config", **requested)
    answer = snakemake(tmp_path)
    assert answer.returncode == 0, answer.stdout

    results = tmp_path / "results"
    metrics = {
        method: json.loads((results / f"metrics/rooms/{method}/n8/0.json").read_text())["metrics"]
        for method in requested["methods"]
    }
    assert {*DEPTH_METRICS, *NORMAL_METRICS, "miou"} <= metrics["multi_task"].keys()
    assert metrics["single_depth"].keys() >= set(DEPTH_METRICS)
    assert metrics["single_depth"].keys().isdisjoint(NORMAL_METRICS)
    with (results / "tables/runs.csv").open() as file:
        delta_m = {row["method"]: row["delta_m"] for row in csv.DictReader(file)}
    assert float(delta_m["multi_task"]) == pytest.approx(change(metrics))
    assert delta_m["supervised"] == delta_m["single_depth"] == ""
    assert "Δm" in (results / "tables/summary.md").read_text()
    for task in ("depth", "normal"):
        assert list(results.glob(f"figures/{task}_examples.*"))


@pytest.mark.slow
def test_a_task_that_is_one_module_runs_to_table_and_figure(tmp_path: Path):
    """Heights are known to no other code than `fewmask.tasks.height` and the rendered rooms."""
    write_project(tmp_path)
    tasks = "{name: multi_task, tasks: [segmentation, height]}"
    text = MULTI_TASK.replace("{name: multi_task}", tasks)
    write_config(tmp_path, "methods/heights", text)
    requested = {
        "methods": ["supervised", "heights"],
        "fractions": ["n8"],
        "seeds": [0],
        "metrics": ["miou", "height_absolute_error"],
    }
    change_config(tmp_path, "config", **requested)
    answer = snakemake(tmp_path)
    assert answer.returncode == 0, answer.stdout

    results = tmp_path / "results"
    metrics = json.loads((results / "metrics/rooms/heights/n8/0.json").read_text())["metrics"]
    with (results / "tables/runs.csv").open() as file:
        measured = {row["method"]: row["height_absolute_error"] for row in csv.DictReader(file)}
    assert float(measured["heights"]) == pytest.approx(metrics["height_absolute_error"])
    assert measured["supervised"] == ""
    assert "Height abs. error (m)" in (results / "tables/summary.md").read_text()
    assert {one.suffix for one in results.glob("figures/height_examples.*")} == {".svg", ".png"}


def change(metrics: dict[str, dict[str, float]]) -> float:
    """The mean change of the four values against the baselines, where lower is better."""
    pairs = [("miou", "supervised", -1), ("pixel_accuracy", "supervised", -1)]
    pairs += [(metric, "single_depth", 1) for metric in DEPTH_METRICS]
    changes = [
        sign * (metrics["multi_task"][metric] / metrics[baseline][metric] - 1)
        for metric, baseline, sign in pairs
    ]
    return sum(changes) / len(changes)
