"""The runs' table: who is in it, in which order, and what is said of damaged files."""

import json
from pathlib import Path

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.metrics.records import write_record
from fewmask.planning.requested import fingerprint, reading_fingerprint
from fewmask.report.results.runs import collect
from tests.report.synthetic_runs import TRAINED, requested, write_run

COLUMNS = [
    *("dataset", "method", "fraction", "masks", "validation", "test", "seed"),
    *("miou", "pixel_accuracy", "class_accuracy", "precision", "recall", "f1", "dice"),
    *("cross_entropy", "focal_loss", "dice_loss", "seconds", "peak_memory_mb", "images_seen"),
    *("hours", "gpu_hours"),
    *("iou_wall", "iou_box", "precision_wall", "precision_box", "recall_wall", "recall_box"),
    *("f1_wall", "f1_box", "dice_loss_wall", "dice_loss_box"),
]


def test_one_row_a_run_in_the_order_of_the_experiment(project):
    grid = requested(methods=["b", "a"], fractions=["n20", "0.05"], seeds=[3, 1])
    for method, fraction, seed in [("a", "0.05", 1), ("b", "n20", 1), ("b", "n20", 3)]:
        write_run(method=method, fraction=fraction, seed=seed)
    write_run(method="never_asked_for")

    runs = collect(grid).table

    assert list(runs.columns) == COLUMNS
    cells = runs[["method", "fraction", "seed"]].to_numpy().tolist()
    assert cells == [["b", "n20", 3], ["b", "n20", 1], ["a", "0.05", 1]]


def test_values_are_those_of_the_file(project):
    write_run(miou=0.625, labelled=40, classes={"box": 0.25}, seconds=12.5)
    run = collect(requested()).table.iloc[0]
    assert (run.miou, run.masks, run.iou_box, run.seconds) == (0.625, 40, 0.25, 12.5)
    assert run.images_seen == 4800


def test_what_is_undefined_is_nan(project):
    write_run(miou=None, classes={"box": None})
    run = collect(requested()).table.iloc[0]
    assert np.isnan(run.miou)
    assert np.isnan(run.iou_box)


def test_without_runs_the_columns_are_there(project):
    assert list(collect(requested()).table.columns) == COLUMNS[:-10]
    assert len(collect(requested()).table) == 0


def having(value, *keys):
    """A change of a record: what ``keys`` lead to becomes ``value``; None: it is removed."""

    def damage(record):
        inner = record
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        if value is None:
            del inner[keys[-1]]

    return damage


def assert_is_named(path, found):
    with pytest.raises(FewmaskError) as error:
        collect(requested(classes={"scenes": ["wall", "box"]}))
    assert str(error.value).startswith(str(path))
    assert found in str(error.value)
    assert "run the workflow again" in str(error.value)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (having(None, "cost", "seconds"), "cost.seconds: Field required"),
        (having(None, "cost", "stages", 0, "gpus"), "cost.stages.0.gpus: Field required"),
        (having("high", "metrics", "miou"), "metrics.miou"),
        (having(7, "seed"), "scenes/supervised/n10/7"),
        (having(5.0, "metrics", "miou"), "metrics: miou: found 5, expected"),
        (having("0.5", "metrics", "miou"), "metrics.miou: Input should be"),
        (having("NaN", "metrics", "miou"), 'found "NaN"'),
        (having(float("nan"), "metrics", "miou"), "metrics.miou"),
        (having(float("inf"), "metrics", "miou"), "metrics.miou"),
        (having(-0.1, "metrics", "focal_loss"), "focal_loss: found"),
        (having(1.2, "classes", "box", "iou"), "classes.box: iou: found 1.2"),
        (having(-10, "images", "labelled"), "images.labelled"),
        (having(9.5, "images", "labelled"), "images.labelled"),
        (having(-1, "cost", "seconds"), "cost.seconds"),
        (having([[]], "provenance", "stages"), "provenance"),
        (having({"metric": "x"}, "provenance", "stages", 0, "evaluation"), "no such metric"),
        (having("../x", "cost", "stages", 0, "cell"), "cell"),
        (having(None, "classes", "box"), "classes: found wall, expected wall, box"),
    ],
)
def test_a_damaged_record_is_named_with_what_is_wrong(project, damage, found):
    path = write_run()
    record = json.loads(path.read_text())
    damage(record)
    write_record(path, record)
    assert_is_named(path, found)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda content: content[:100], "Invalid JSON"),
        (lambda content: b"", "Invalid JSON"),
        (lambda content: b"[]", "object"),
        (lambda content: content.replace(b"scenes", b"\xff"), ""),
        (lambda content: content.replace(b'"miou": 0.5', b'"miou": 0.6'), "its digest"),
        (lambda content: content.replace(b'"digest"', b'"checksum"'), "digest: Field required"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(project, damage, found):
    path = write_run()
    path.write_bytes(damage(path.read_bytes()))
    assert_is_named(path, found)


def test_results_may_lie_deeper(project):
    write_run()
    Path("results").rename("moved")
    Path("results").mkdir()
    Path("moved").rename("results/twin")
    assert len(collect(requested(results="results/twin")).table) == 1


def test_metrics_of_earlier_settings_count_as_missing(project):
    axes = {"methods": ["a", "b"], "seeds": [0, 1]}
    trainings = [fingerprint([TRAINED]), fingerprint([TRAINED | {"steps": 200}])]
    paths = [write_run(method=method, seed=seed) for method in "ab" for seed in (0, 1)]
    paths[0].unlink()
    runs = collect(requested(**axes, trainings=trainings))
    assert runs.table[["method", "seed"]].to_numpy().tolist() == [["a", 1]]
    assert runs.missing == [paths[0], paths[2], paths[3]]
    assert runs.outdated == paths[2:]
    assert len(collect(requested(**axes)).table) == 3, (
        "without fingerprints whatever is there counts"
    )


def test_metrics_of_data_that_were_prepared_otherwise_count_as_missing(project):
    settings = [{"size": size, "skip_damaged": size == 64} for size in (64, 128)]
    paths = [write_run(seed=seed, provenance={"dataset": one}) for seed, one in enumerate(settings)]
    paths.append(write_run(seed=2, provenance={"dataset": settings[0], "evaluated_at": "original"}))
    reading = reading_fingerprint({"size": 64, "skip_damaged": False})
    runs = collect(requested(seeds=[0, 1, 2], readings={"scenes": reading}))
    assert runs.table["seed"].tolist() == [0]
    assert runs.outdated == runs.missing == paths[1:]


def test_runs_of_different_data_are_refused(project):
    for seed in (0, 1):
        write_run(seed=seed, provenance={"digests": {"dataset": f"digest {seed}"}})
    with pytest.raises(
        FewmaskError, match=r"n10/1\.json: made with other data than results/.*/0\.json"
    ):
        collect(requested(seeds=[0, 1]))


def test_a_change_relative_to_nothing_is_undefined(project):
    write_run(method="both", miou=0.6, pixel_accuracy=0.9)
    for accuracy, change in [(0.75, -0.2), (0.0, np.nan)]:
        write_run(method="alone", miou=0.5, pixel_accuracy=accuracy)
        grid = requested(methods=["both", "alone"], baselines={"segmentation": "alone"})
        found = collect(grid).table["delta_m"].iloc[0]
        np.testing.assert_allclose(found, change)


def test_a_class_that_only_one_dataset_has_is_undefined_elsewhere(project):
    write_run("scenes")
    write_run("pets", classes={"wall": 0.3, "Ginger cat": 0.4})
    table = collect(requested(datasets=["scenes", "pets"])).table
    assert table["iou_Ginger cat"].isna().tolist() == [True, False]
    assert table["iou_wall"].tolist() == [0.8, 0.3]
