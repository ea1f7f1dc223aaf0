"""Several tasks from one encoder, and their single-task twins, through the real Snakemake."""

import csv
import json
from pathlib import Path

import pytest

from fewmask.metrics.depth import NAMES as DEPTH_METRICS
from fewmask.metrics.normal import NAMES as NORMAL_METRICS

pytestmark = pytest.mark.slow


def metrics_of(results: Path, method: str) -> dict[str, float]:
    return json.loads((results / f"metrics/rooms/{method}/n8/0.json").read_text())["metrics"]


def column(results: Path, name: str) -> dict[str, str]:
    """A column of the table of all runs, by method."""
    with (results / "tables/runs.csv").open() as file:
        return {row["method"]: row[name] for row in csv.DictReader(file)}


def test_it_runs_to_the_change_against_single_tasks(finished: Path):
    results = finished / "results"
    methods = ("supervised", "single_depth", "multi_task")
    metrics = {method: metrics_of(results, method) for method in methods}
    assert {*DEPTH_METRICS, *NORMAL_METRICS, "miou"} <= metrics["multi_task"].keys()
    assert metrics["single_depth"].keys() >= set(DEPTH_METRICS)
    assert metrics["single_depth"].keys().isdisjoint(NORMAL_METRICS)
    delta_m = column(results, "delta_m")
    assert float(delta_m["multi_task"]) == pytest.approx(change(metrics))
    assert delta_m["supervised"] == delta_m["single_depth"] == ""
    assert "Δm" in (results / "tables/summary.md").read_text()
    for task in ("depth", "normal"):
        assert list(results.glob(f"figures/{task}_examples.*"))


def test_a_task_that_is_one_module_runs_to_table_and_figure(finished: Path):
    """Heights are known to no other code than `fewmask.tasks.height` and the rendered rooms."""
    results = finished / "results"
    errors = column(results, "height_absolute_error")
    measured = metrics_of(results, "heights")["height_absolute_error"]
    assert float(errors["heights"]) == pytest.approx(measured)
    assert errors["supervised"] == ""
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
