"""The losses of tasks: the table at the weights that were kept, and the curves."""

import numpy as np
import pytest

from fewmask.report.figures.task_losses import task_losses_figure
from fewmask.report.results.histories import histories
from fewmask.report.results.runs import collect
from fewmask.report.tables.task_losses import task_losses_summary, task_losses_table
from tests.report.synthetic_runs import requested, write_run, write_training
from tests.report.tables.reading import rows_of

COLUMNS = "step,loss,segmentation,depth,validation_loss,validation_loss_segmentation,"
HISTORIES = [
    ["10,3,2,1,1.5,1.0,0.5", "20,2,1.5,0.5,1.2,0.8,0.4", "30,1,0.8,0.2,1.3,1.1,0.2"],
    ["10,3,2,1,1.5,1.0,0.5", "20,2,1.3,0.7,1.6,1.2,0.4", "30,1,0.8,0.2,1.9,1.7,0.2"],
]


def write_multi_task(seed, lines):
    cell = f"scenes/multi_task/n10/{seed}/multi_task"
    write_training(cell, "\n".join([f"{COLUMNS}validation_loss_depth", *lines]) + "\n")
    write_run(
        method="multi_task",
        seed=seed,
        stages=[{"seconds": 9.0, "cell": cell}],
        trainings=[{"evaluation": {"metric": "loss"}}],
    )


@pytest.fixture
def multi_task(project):
    for seed, lines in enumerate(HISTORIES):
        write_multi_task(seed, lines)
    return requested(methods=["multi_task"], seeds=[0, 1], tasks=["segmentation", "depth"])


def read(grid):
    return histories(grid.results, collect(grid).trainings, "scenes")


def test_the_table_has_the_step_whose_weights_were_kept(multi_task):
    table = task_losses_summary(multi_task, {"scenes": read(multi_task)}).set_index("task")
    # The loss is lowest at step 20 of the first seed, and at step 10 of the second.
    assert table.loc["segmentation", "training_mean"] == pytest.approx((1.5 + 2) / 2)
    assert table.loc["segmentation", "validation_mean"] == pytest.approx((0.8 + 1.0) / 2)
    assert table.loc["depth", "validation_mean"] == pytest.approx((0.4 + 0.5) / 2)
    assert table.loc["depth", "validation_std"] == pytest.approx(0.1 / 2**0.5)
    rows = rows_of(task_losses_table(multi_task, table.reset_index()).markdown())
    stage = "multi_task/multi_task"
    assert ["scenes", "n10", stage, "depth", "0.750 ± 0.354", "0.450 ± 0.071", "2"] in rows


def test_the_curves_are_the_histories(multi_task):
    found = read(multi_task)
    figure = task_losses_figure(multi_task, "scenes", found)
    for axes, task in zip(figure.axes, ["segmentation", "depth"], strict=True):
        drawn = [line.get_xydata() for line in axes.lines]
        expected = [
            np.stack([one.of_tasks[task]["step"], one.of_tasks[task][part]], axis=1)
            for one in found
            for part in ("training", "validation")
        ]
        np.testing.assert_array_equal(drawn, expected)
    np.testing.assert_array_equal(drawn[1], [[10, 0.5], [20, 0.4], [30, 0.2]])


def test_without_such_stages_a_sentence_says_so(project):
    write_run()
    grid = requested()
    table = task_losses_summary(grid, {"scenes": read(grid)})
    assert "by losses of their own" in task_losses_table(grid, table).markdown()
