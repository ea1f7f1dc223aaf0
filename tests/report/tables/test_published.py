"""Published values beside measured ones, and whether the difference may be chance."""

import numpy as np
import pytest

from fewmask.report.results.runs import collect
from fewmask.report.tables.latex import latex
from fewmask.report.tables.published import published, published_table
from fewmask.report.tables.statistics import summary
from fewmask.report.tables.summary import summary_table
from tests.report.synthetic_runs import requested, write_run
from tests.report.tables.reading import rows_of, summarised

SOURCE = {"source": "A paper, Table 1", "remark": "On other images"}


def compared(grid):
    runs = collect(grid).table
    return published(grid, summary(grid, runs), runs)


def with_values(*values, **axes):
    entries = [{"when": when, "values": of_cell} for when, of_cell in values]
    return requested(published=SOURCE | {"values": entries}, **axes)


def write_seeds(mious, **cell):
    for seed, miou in enumerate(mious):
        dice = 2 * miou / (1 + miou)
        write_run(seed=seed, miou=miou, dice=dice, images=[miou] * 20, **cell)


@pytest.mark.parametrize(
    ("stated", "place"),
    [(0.51, "inside the interval"), (0.7, "above the interval"), (0.3, "below the interval")],
)
def test_where_the_published_value_lies(project, stated, place):
    write_seeds([0.49, 0.5, 0.51])
    row = compared(with_values(({}, {"miou": [stated, 0.02]}), seeds=[0, 1, 2])).iloc[0]
    # All images are alike, so that the interval is Student's with two degrees of freedom.
    half = 4.303 * 0.01 / np.sqrt(3)
    assert row["measured"] == pytest.approx(0.5)
    assert row["measured_std"] == pytest.approx(0.01)
    assert row["measured_low"] == pytest.approx(0.5 - half, abs=0.1 * half)
    assert row["measured_high"] == pytest.approx(0.5 + half, abs=0.1 * half)
    assert row["difference"] == pytest.approx(0.5 - stated)
    assert (row["published"], row["published_std"]) == (stated, 0.02)
    assert row["published_is"] == place


def test_one_method_suffices_and_only_stated_cells_have_a_row(project):
    for fraction in ("n10", "n20"):
        write_seeds([0.4, 0.5], fraction=fraction)
    values = ({"fraction": "n20"}, {"miou": 0.45, "dice": 0.6})
    table = compared(with_values(values, fractions=["n10", "n20"], seeds=[0, 1]))
    assert table[["fraction", "metric"]].to_numpy().tolist() == [["n20", "miou"], ["n20", "dice"]]


def test_with_one_seed_nothing_can_be_said_of_chance(project):
    write_run(miou=0.5)
    row = compared(with_values(({}, {"miou": 0.9}))).iloc[0]
    assert row["published_is"] == "one seed"
    assert np.isnan(row["measured_low"])
    assert row["difference"] == pytest.approx(-0.4)


def test_a_cell_without_a_run_says_so(project):
    write_run(method="a", miou=0.5)
    table = compared(with_values(({}, {"miou": 0.9}), methods=["a", "b"]))
    assert table["published_is"].tolist() == ["one seed", "no run"]


def test_a_class_and_a_loss(project):
    for seed, iou in enumerate([0.7, 0.8, 0.9]):
        write_run(
            seed=seed, miou=iou, classes={"wall": iou, "box": 0.2}, cross_entropy=0.2 + 0.01 * seed
        )
    values = ({}, {"iou_wall": 0.8, "cross_entropy": 0.5})
    table = compared(with_values(values, seeds=[0, 1, 2])).set_index("metric")
    # Losses are not stored for every image: the interval is over seeds alone.
    half = 4.303 * 0.01 / np.sqrt(3)
    assert table.loc["cross_entropy", "measured_high"] == pytest.approx(0.21 + half, abs=0.1 * half)
    assert table.loc["cross_entropy", "published_is"] == "above the interval"
    assert table.loc["iou_wall", "measured"] == pytest.approx(0.8)


def test_for_people(project):
    write_seeds([0.49, 0.5, 0.51])
    grid = with_values(({}, {"miou": [0.7, 0.02]}), seeds=[0, 1, 2])
    text = published_table(grid, compared(grid)).markdown()
    assert "Published: A paper, Table 1.\n\nOn other images.\n" in text
    row = rows_of(text)[0]
    assert row[4:6] + row[7:] == [
        *("mIoU (%)", "50.0 ± 1.0", "70.0 ± 2.0", "-20.0", "above the interval", "3")
    ]


def test_where_nothing_was_published(project):
    write_run()
    grid = requested()
    table = compared(grid)
    assert table.empty
    assert "lists no published values" in published_table(grid, table).markdown()


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


def test_published_values_stand_in_parentheses_even_without_a_run(project):
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
    assert note in text.replace("\n\n", " ")
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


def test_methods_that_are_not_in_the_grid_have_rows_of_their_own(project):
    for fraction in ("n10", "n20"):
        write_run(fraction=fraction, labelled=int(fraction[1:]), miou=0.5)
    others = [
        {"method": "Them & others", "values": {"n20": {"miou": [0.7, 0.01]}, "all": {"miou": 1}}}
    ]
    grid = requested(
        fractions=["n10", "n20"],
        metrics=["miou", "dice"],
        published=SOURCE | {"others": others},
    )
    _, table = summarised(grid)
    rows = rows_of(summary_table(grid, table).markdown())
    assert [row[3] for row in rows] == ["supervised", "supervised", "Them & others"]
    assert rows[2][1:6] == ["n20", "20", "Them & others", "– (70.0 ± 1.0)", "–"]
    assert set(rows[2][6:]) == {"–"}
    assert r"Them \& others & -- (70.0 $\pm$ 1.0) & --" in latex(grid, table)
