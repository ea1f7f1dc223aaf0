"""The summary as people read it: what is shown, what is bold, and what is said below it."""

import pytest
from pydantic import ValidationError

from fewmask.report.tables.latex import latex
from fewmask.report.tables.summary import summary_table
from tests.report.synthetic_runs import requested, write_run
from tests.report.tables.reading import rows_of, summarised


def test_markdown_for_people(project):
    for seed, miou in enumerate([0.599, 0.612, 0.625]):
        write_run(seed=seed, miou=miou, seconds=90.0)
    experiment, table = summarised(requested(seeds=[0, 1, 2], title="What *I* requested"))
    text = summary_table(experiment, table).markdown()
    assert text.startswith(r"# What \*I\* requested" "\n")
    assert "mean ± sample standard deviation over 3 seeds" in text
    assert "selected on the validation set, never on the test set" in text
    row = [
        "scenes",
        "n10",
        "10",
        "supervised",
        "61.2 ± 1.3",
        "90.0 ± 0.0",
        "64.0 ± 0.0",
        "1.5",
        "0.03",
        "3",
    ]
    assert rows_of(text) == [row]
    assert "Time (min)" in text
    assert "**" not in text, "nothing is compared"


def test_the_best_of_each_dataset_and_fraction_is_bold(project):
    mious = {("a", "n10"): 0.5, ("b", "n10"): 0.6, ("a", "n20"): 0.7004, ("b", "n20"): 0.70}
    for (method, fraction), miou in mious.items():
        write_run(method=method, fraction=fraction, miou=miou)
    text = summary_table(
        *summarised(requested(methods=["a", "b"], fractions=["n10", "n20"]))
    ).markdown()
    shown = {(row[3], row[1]): row[4] for row in rows_of(text)}
    assert shown["b", "n10"] == "**60.0**"
    assert shown["a", "n10"] == "50.0"
    assert shown["a", "n20"] == shown["b", "n20"] == "**70.0**", "equal as printed"
    assert "Bold" in text


def test_the_second_best_is_underlined_where_that_can_be(project):
    for method, miou in {"a": 0.5, "b": 0.6, "c": 0.55, "d": 0.5501}.items():
        write_run(method=method, miou=miou)
    grid, table = summarised(requested(methods=["a", "b", "c", "d"]))
    tex, html = latex(grid, table), summary_table(grid, table).html()
    assert r"\textbf{60.0}" in tex
    assert "<b>60.0</b>" in html
    assert tex.count(r"\underline{55.0}") == html.count("<u>55.0</u>") == 2, "equal as printed"
    assert "50.0" in tex
    assert r"\underline{50.0}" not in tex
    assert "<u>50.0" not in html


def test_what_sees_all_masks_is_not_ranked(project):
    for method, miou in {"a": 0.5, "b": 0.6, "bound": 0.7, "same": 0.6}.items():
        write_run(method=method, miou=miou)
    grid, table = summarised(
        requested(methods=["a", "b", "bound", "same"], all_masks=["bound", "same"])
    )
    text = summary_table(grid, table).markdown()
    shown = {row[3]: row[4] for row in rows_of(text)}
    assert shown == {"a": "50.0", "b": "**60.0**", "bound": "70.0", "same": "60.0"}
    assert "apart from methods that use all masks (bound, same). Bold does" in text
    assert "underlined" not in text


def test_nothing_is_bold_while_seeds_are_missing(project):
    for method, seed in [("a", 0), ("a", 1), ("b", 0)]:
        write_run(method=method, seed=seed)
    experiment, table = summarised(requested(methods=["a", "b"], seeds=[0, 1]))
    assert "**" not in summary_table(experiment, table).markdown()
    assert r"\textbf" not in latex(experiment, table)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(12.3, "12.3 s"), (90, "1.5 min"), (9000, "2.5 h"), (0.3, "0.3 s")]
)
def test_time_in_a_unit_that_fits(project, seconds, shown):
    write_run(seconds=seconds)
    text = summary_table(*summarised(requested())).markdown()
    number, unit = shown.split()
    assert rows_of(text)[0][-3] == number
    assert f"Time ({unit})" in text


def test_a_title_of_several_lines_is_refused():
    with pytest.raises(ValidationError, match="must be one line of text"):
        requested(title="one\n  two")


def test_columns_are_those_that_were_asked_for_and_a_dash_where_a_class_is_not(project):
    write_run("scenes")
    write_run("pets", classes={"Ginger cat": 0.4, "dog": 0.5})
    metrics = ["iou_Ginger cat", "f1_wall", "focal_loss", "class_accuracy", "iou_never"]
    text = summary_table(
        *summarised(requested(datasets=["scenes", "pets"], metrics=metrics))
    ).markdown()
    header = next(line for line in text.splitlines() if line.startswith("|"))
    assert [cell.strip() for cell in header.split("|")][5:10] == [
        "IoU of Ginger cat (%)",
        "F1 of wall (%)",
        "Focal loss",
        "Class accuracy (%)",
        "IoU of never (%)",
    ]
    assert [row[4:9] for row in rows_of(text)] == [
        ["–", "85.0", "0.100", "60.0", "–"],
        ["40.0", "–", "0.100", "60.0", "–"],
    ]


def stage(seconds, gpus):
    return {"seconds": seconds, "device": "NVIDIA H200", "gpus": gpus}


def test_one_more_column_tells_what_runs_cost(project):
    for seed, seconds in enumerate([3600, 7200]):
        write_run(seed=seed, stages=[stage(seconds, gpus=2)])
    experiment, table = summarised(requested(seeds=[0, 1]))
    assert table[["hours_mean", "gpu_hours_mean"]].to_numpy().tolist() == [[1.5, 3.0]]
    assert table["gpu_hours_std"].tolist() == [pytest.approx(2**0.5)]
    text = summary_table(experiment, table).markdown()
    assert "| GPU hours | Seeds |" in text
    assert rows_of(text)[0][-2] == "3.00"
    assert "times allocated GPUs" in text


def test_without_gpus_the_column_tells_hours(project):
    write_run(stages=[stage(5400, gpus=0)])
    text = summary_table(*summarised(requested())).markdown()
    assert "| Hours | Seeds |" in text
    assert rows_of(text)[0][-2] == "1.50"
    assert "GPU" not in text


def test_tiles_are_counted_beside_the_masks_of_whole_images(project):
    write_run(fraction="n10", tiles={"labelled": 90, "validation": 20, "test": 30})
    tiles = {"labelled": 185, "validation": 20, "test": 30}
    write_run(fraction="n20", labelled=20, tiles=tiles)
    experiment, table = summarised(requested(fractions=["n10", "n20"]))
    assert table["masks"].tolist() == [10, 20]
    assert table["tiles_mean"].tolist() == [90, 185]
    text = summary_table(experiment, table).markdown()
    assert "are of whole images; tiles are learnt (scenes: 90 to 185)." in text
