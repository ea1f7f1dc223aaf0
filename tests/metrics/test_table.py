"""A metric is one entry of the table: it is then measured, selected by, tabulated and compared."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from fewmask.core.paths import HISTORY, TRAINING, WEIGHTS, Layout
from fewmask.inference.evaluate import evaluate
from fewmask.inference.inputs import EvaluationInputs
from fewmask.metrics import table
from fewmask.metrics.segmentation import ratio
from fewmask.metrics.table import Metric, register
from fewmask.planning.grid import Run
from fewmask.report.results.runs import collect
from fewmask.report.tables.tabulate import tabulate
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.report.synthetic_runs import requested, write_run


@pytest.fixture
def toy(monkeypatch):
    """A metric that only this test has: the share of the labelled pixels that are missed."""
    monkeypatch.setattr(table, "_TABLE", dict(table._table()))

    def missed(pixels):
        return 1 - ratio(pixels.hit.sum(axis=-1), pixels.truth.sum(axis=-1))

    register(Metric("toy", "Toy error", "%", higher_is_better=False, from_counts=missed))


def evaluation(**settings):
    return {"evaluation": {"every": 5, **settings}}


def test_a_metric_is_one_entry(toy, rooms, rooms_split, project):
    stage = small_stage(precision="fp32", **evaluation(metric="toy"))
    for seed, method in ((seed, method) for seed in (0, 1) for method in ("supervised", "b")):
        run = Run("rooms", method, "n12", seed)
        folder = Path(Layout().stage.format(**vars(run), stage="train"))
        output = Path(Layout().metrics.format(**vars(run)))
        train(Inputs(rooms, rooms_split), stage, seed, folder)
        output.parent.mkdir(parents=True, exist_ok=True)
        evaluate(
            run,
            EvaluationInputs(rooms, rooms_split, folder / WEIGHTS, (folder / TRAINING,)),
            output,
        )
        found = json.loads(output.read_text())["metrics"]
        assert found["toy"] == pytest.approx(1 - found["pixel_accuracy"])
        assert "validation_toy" in (folder / HISTORY).read_text()

    axes = {"datasets": ["rooms"], "methods": ["supervised", "b"], "seeds": [0, 1]}
    grid = requested(**axes, fractions=["n12"], metrics=["toy"])
    runs = collect(grid)
    np.testing.assert_allclose(runs.table["toy"], 1 - runs.table["pixel_accuracy"])
    results = tabulate(grid, runs)
    shown = results.pages(grid)
    assert "Toy error (%)" in shown["summary"][1].header
    assert "Toy error (%)" in shown["comparison"][1].header
    [compared] = results.comparison.to_dict("records")
    assert compared["metric"] == "toy"
    assert compared["difference_low"] <= compared["difference"] <= compared["difference_high"]


def test_a_file_that_is_older_than_a_metric_is_not_damaged(toy, project):
    for method in ("supervised", "b"):
        for seed in (0, 1):
            write_run(method=method, seed=seed)
    grid = requested(methods=["supervised", "b"], seeds=[0, 1], metrics=["miou", "toy"])
    assert collect(grid).table["toy"].isna().all()
    assert len(tabulate(grid, collect(grid)).comparison) == 1


def test_what_is_not_in_the_table_cannot_be_selected_by():
    with pytest.raises(ValidationError, match="no such metric"):
        small_stage(**evaluation(metric="toy"))


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="miou is registered twice"):
        register(Metric("miou", "mIoU"))
