"""Mean and spread over seeds, against figures worked out by hand."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from fewmask.report.results.runs import collect
from fewmask.report.tables.latex import latex
from fewmask.report.tables.statistics import summary, write_csv
from fewmask.report.tables.summary import summary_table
from tests.report.synthetic_runs import requested, write_run

METRICS = ["miou", "pixel_accuracy", "class_accuracy", "precision", "recall", "f1", "dice"]
LOSSES = ["cross_entropy", "focal_loss", "dice_loss"]
FIGURES = ["iou", "precision", "recall", "f1", "dice_loss"]
COSTS = ["seconds", "peak_memory_mb", "images_seen", "hours", "gpu_hours"]


def summarised(grid):
    return grid, summary(grid, collect(grid).table)


def rows_of(text):
    """The body of a Markdown table, cell by cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_columns(project):
    write_run()
    _, table = summarised(requested())
    of_classes = [f"{f}_{c}" for f in FIGURES for c in ("wall", "box")]
    names = [*METRICS, *LOSSES, *COSTS, *of_classes]
    parts = [f"{name}_{part}" for name in names for part in ("mean", "std")]
    leading = ["dataset", "method", "fraction", "labelled", "seeds", "seeds_requested"]
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
    assert table["labelled"].tolist() == [12, 12], "methods share their splits"
    assert np.isnan(table["miou_mean"][1])
    text = summary_table(experiment, table).markdown()
    assert [row[-1] for row in rows_of(text)] == ["1 of 2", "0 of 2"]
    assert rows_of(text)[1][4] == "–"
    assert "Incomplete: 1 of 4 runs are finished" in text


def test_an_undefined_figure_is_not_skipped_in_a_mean(project):
    write_run(seed=0, miou=0.5)
    write_run(seed=1, miou=None)
    _, table = summarised(requested(seeds=[0, 1]))
    assert np.isnan(table["miou_mean"][0])
    assert table["dice_mean"][0] == pytest.approx(0.64)


def test_labelled_is_whole_where_seeds_agree_and_a_mean_where_not(project, tmp_path):
    for seed, count in enumerate([39, 40]):
        write_run(seed=seed, labelled=40)
        write_run("pets", seed=seed, labelled=count)
    experiment, table = summarised(requested(datasets=["scenes", "pets"], seeds=[0, 1]))
    assert table["labelled"].tolist() == [40, 39.5]
    assert [row[2] for row in rows_of(summary_table(experiment, table).markdown())] == [
        "40",
        "39.5",
    ]
    _, alike = summarised(requested(seeds=[0, 1]))
    write_csv(alike, tmp_path / "summary.csv")
    assert ",40,2,2," in (tmp_path / "summary.csv").read_text()


def test_csv_reads_back_as_it_was(project, tmp_path):
    for seed in range(3):
        write_run(seed=seed, miou=1 / (seed + 3))
    _, table = summarised(requested(seeds=[0, 1, 2]))
    write_csv(table, tmp_path / "summary.csv")
    read = pd.read_csv(tmp_path / "summary.csv")
    pd.testing.assert_frame_equal(read, table, check_dtype=False, check_exact=True)
    assert [path.name for path in tmp_path.glob("*summary*")] == ["summary.csv"]


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


@pytest.mark.parametrize("methods", [["one_method"], ["one_method", "two"]])
def test_latex_has_a_table_a_dataset_with_equal_rows(project, methods):
    axes = {"datasets": ["my_scenes", "pets"], "fractions": ["n10", "0.05"], "methods": methods}
    for dataset in axes["datasets"]:
        for method in methods:
            for fraction in axes["fractions"]:
                write_run(dataset, method, fraction)
    text = latex(*summarised(requested(title="50 % of R&D_x {a} $b$ #1 ~^\\", **axes)))

    escaped = (
        r"50 \% of R\&D\_x \{a\} \$b\$ \#1 \textasciitilde{}\textasciicircum{}\textbackslash{}."
    )
    assert text.count(escaped) == 2
    assert r"Dataset: my\_scenes." in text
    for environment in ("table*", "tabular"):
        assert text.count(rf"\begin{{{environment}}}") == 2
        assert text.count(rf"\end{{{environment}}}") == 2
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 2
    rows = [line for line in text.splitlines() if " & " in line]
    assert len(rows) == 2 * (1 + 2 * len(methods))
    assert all(row.count(" & ") == 6 and row.endswith(r" \\") for row in rows)
    unescaped = text.replace(r"\{", "").replace(r"\}", "")
    assert unescaped.count("{") == unescaped.count("}")
    assert (r"\textbf" in text) == (len(methods) > 1)


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


PUBLISHED = {
    "source": "A_Paper, Table 1",
    "remark": "its second row cannot be right",
    "values": [
        {"when": {"fraction": ["n10", "n20"]}, "values": {"miou": 0.8}},
        {
            "when": {"method": "b"},
            "values": {"miou": [0.865, 0.0114], "cross_entropy": [0.2, 0.1]},
        },
    ],
}


def test_published_figures_stand_in_parentheses_even_without_a_run(project):
    for seed, miou in enumerate([0.8, 0.9]):
        write_run(method="a", seed=seed, miou=miou)
    axes = {"methods": ["a", "b"], "fractions": ["n10", "all"], "seeds": [0, 1]}
    grid = requested(**axes, metrics=["miou", "cross_entropy"], published=PUBLISHED)
    _, table = summarised(grid)
    assert table["miou_published"].fillna(0).tolist() == [0.8, 0, 0.865, 0.865]
    assert table["miou_published_std"].isna().tolist() == [True, True, False, False]
    assert table["cross_entropy_published"].isna().tolist() == [True, True, False, False]

    text = summary_table(grid, table).markdown()
    cells = {(row[3], row[1]): row[4:6] for row in rows_of(text)}
    assert cells["a", "n10"] == ["85.0 ± 7.1 (80.0)", "0.250 ± 0.000"]
    assert cells["a", "all"] == ["–", "–"]
    assert cells["b", "all"] == ["– (86.5 ± 1.1)", "– (0.200 ± 0.100)"]
    note = "In parentheses: values published in A_Paper, Table 1. its second row cannot be right."
    assert note in text.replace("\n", " ")
    tex = latex(grid, table)
    assert r"(86.5 $\pm$ 1.1)" in tex
    assert r"A\_Paper, Table 1" in tex


def test_of_a_loss_the_lowest_is_bold_and_what_was_published_never_is(project):
    write_run(method="a", miou=0.5, cross_entropy=0.3)
    write_run(method="b", miou=0.6, cross_entropy=0.4)
    published = PUBLISHED | {"values": [{"values": {"miou": 0.9}}]}
    grid = requested(methods=["a", "b"], metrics=["miou", "cross_entropy"], published=published)
    rows = rows_of(summary_table(*summarised(grid)).markdown())
    assert [row[4:6] for row in rows] == [
        ["50.0 (90.0)", "**0.300**"],
        ["**60.0** (90.0)", "0.400"],
    ]
    assert r"\textbf{60.0} (90.0) & 0.400" in latex(*summarised(grid))


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


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_latex_compiles(project):
    names = ["normal_mean_angle", "delta_m", "cross_entropy"]
    for method, miou in {"a_b": 0.5, "c": 0.6, "d": 0.7}.items():
        write_run(method=method, miou=miou)
    title = "50 % of R&D_x {a} $b$ #1 ~^\\ <|> Δm 30° ± ×"
    grid, table = summarised(
        requested(title=title, methods=["a_b", "c", "d"], metrics=["miou", *names])
    )
    Path("table.tex").write_text(latex(grid, table.assign(mark="↑", label_savings="> ×2.0 –")))
    Path("paper.tex").write_text(
        r"\documentclass[twocolumn]{article}\usepackage{booktabs}"
        r"\begin{document}\input{table}\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"], capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
