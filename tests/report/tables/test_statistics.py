"""Mean and spread over seeds, against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from fewmask.report.tables.statistics import write_csv
from fewmask.report.tables.summary import selection_note, summary_table
from tests.report.synthetic_runs import TRAINED, requested, write_run
from tests.report.tables.reading import rows_of, summarised

METRICS = ["miou", "pixel_accuracy", "class_accuracy", "precision", "recall", "f1", "dice"]

LOSSES = ["cross_entropy", "focal_loss", "dice_loss"]

OF_CLASSES = ["iou", "precision", "recall", "f1", "dice_loss"]

COSTS = ["seconds", "peak_memory_mb", "images_seen", "hours", "gpu_hours"]


def test_columns(project):
    write_run()
    _, table = summarised(requested())
    of_classes = [f"{f}_{c}" for f in OF_CLASSES for c in ("wall", "box")]
    names = [*METRICS, *LOSSES, *COSTS, *of_classes]
    parts = [f"{name}_{part}" for name in names for part in ("mean", "std")]
    leading = ["dataset", "method", "fraction", "masks", "validation", "seeds", "seeds_requested"]
    assert list(table.columns) == leading + parts


def test_mean_and_sample_standard_deviation(project):
    for seed, miou in enumerate([0.2, 0.4, 0.9]):
        write_run(seed=seed, miou=miou, seconds=10.0 * seed)
    _, table = summarised(requested(seeds=[0, 1, 2]))
    row = table.iloc[0]
    # The deviations from 0.5 are -0.3, -0.1 and 0.4: their squares sum to 0.26, over n - 1 = 2.
    assert row.miou_mean == pytest.approx(0.5)
    assert row.miou_std == pytest.approx(0.13**0.5)
    assert (row.seconds_mean, row.seconds_std) == (pytest.approx(10), pytest.approx(10))
    assert (row.seeds, row.seeds_requested) == (3, 3)


def test_one_seed_has_no_spread(project, tmp_path):
    write_run(miou=0.5)
    experiment, table = summarised(requested())
    write_csv(table, tmp_path / "summary.csv")
    header, row = (line.split(",") for line in (tmp_path / "summary.csv").read_text().split())
    assert row[header.index("miou_mean")] == "0.5"
    assert row[header.index("miou_std")] == ""
    text = summary_table(experiment, table).markdown()
    assert rows_of(text)[0][4] == "50.0"
    assert "one seed" in text
    assert "±" not in text


def test_rows_stand_in_the_order_of_the_experiment(project):
    axes = {"datasets": ["z", "a"], "methods": ["y", "b"], "fractions": ["n20", "n10"]}
    for dataset in axes["datasets"]:
        for method in axes["methods"]:
            for fraction in axes["fractions"]:
                write_run(dataset, method, fraction)
    _, table = summarised(requested(**axes))
    cells = table[["dataset", "method", "fraction"]].agg(" ".join, axis=1).tolist()
    assert cells[:4] == ["z y n20", "z y n10", "z b n20", "z b n10"]
    assert cells[4] == "a y n20"


def test_a_cell_without_a_run_is_there_and_says_so(project):
    write_run(method="a", seed=0, labelled=12)
    experiment, table = summarised(requested(methods=["a", "b"], seeds=[0, 1]))
    assert table["seeds"].tolist() == [1, 0]
    assert table["seeds_requested"].tolist() == [2, 2]
    assert table["masks"].tolist() == [12, 12], "methods share their splits"
    assert np.isnan(table["miou_mean"][1])
    text = summary_table(experiment, table).markdown()
    assert [row[-1] for row in rows_of(text)] == ["1 of 2", "0 of 2"]
    assert rows_of(text)[1][4] == "–"
    assert "Incomplete: 1 of 4 runs are finished" in text


def test_an_undefined_value_is_not_skipped_in_a_mean(project):
    write_run(seed=0, miou=0.5)
    write_run(seed=1, miou=None)
    _, table = summarised(requested(seeds=[0, 1]))
    assert np.isnan(table["miou_mean"][0])
    assert table["dice_mean"][0] == pytest.approx(0.64)


def test_of_a_budget_validation_is_counted_and_else_told(project):
    write_run(labelled=15)
    write_run("pets", labelled=15)
    write_run("pets", fraction="n40", labelled=30, validation=10)
    selected_by_none = [TRAINED | {"evaluation": {"metric": "none"}}]
    write_run("cells", labelled=15, trainings=selected_by_none)
    datasets, fractions = ["scenes", "pets", "cells"], ["n10", "n40"]
    experiment, table = summarised(
        requested(datasets=datasets, fractions=fractions, budgets=["pets"])
    )
    assert table["masks"].dropna().tolist() == [15, 20, 40, 15]
    assert table["validation"].dropna().tolist() == [5, 5, 10, 0]
    assert selection_note(experiment, table) == (
        "Models are selected on the validation set, never on the test set. Its masks are among "
        "those counted (pets: 5 to 10). Its masks come on top of those counted (scenes: 5)."
    )


def test_masks_are_whole_where_seeds_agree_and_a_mean_where_not(project, tmp_path):
    for seed, count in enumerate([39, 40]):
        write_run(seed=seed, labelled=40)
        write_run("pets", seed=seed, labelled=count)
    experiment, table = summarised(requested(datasets=["scenes", "pets"], seeds=[0, 1]))
    assert table["masks"].tolist() == [40, 39.5]
    assert [row[2] for row in rows_of(summary_table(experiment, table).markdown())] == [
        "40",
        "39.5",
    ]
    _, alike = summarised(requested(seeds=[0, 1]))
    write_csv(alike, tmp_path / "summary.csv")
    assert ",40,5,2,2," in (tmp_path / "summary.csv").read_text()


def test_csv_reads_back_as_it_was(project, tmp_path):
    for seed in range(3):
        write_run(seed=seed, miou=1 / (seed + 3))
    _, table = summarised(requested(seeds=[0, 1, 2]))
    write_csv(table, tmp_path / "summary.csv")
    read = pd.read_csv(tmp_path / "summary.csv")
    pd.testing.assert_frame_equal(read, table, check_dtype=False, check_exact=True)
    assert [path.name for path in tmp_path.glob("*summary*")] == ["summary.csv"]
