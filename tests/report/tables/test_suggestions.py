"""Suggested beside random masks, against values worked out by hand."""

import numpy as np
import pytest

from fewmask.report.results.bootstrap import bootstrap
from fewmask.report.results.runs import collect
from fewmask.report.tables.statistics import summary
from fewmask.report.tables.suggestions import (
    suggestion_sentences,
    suggestions,
    suggestions_table,
)
from tests.report.synthetic_runs import requested, write_run

SUGGESTED = {"suggested": {"method": "supervised", "fraction": "n10", "count": 10}}
SCORES = {
    "n10": [0.30, 0.40, 0.50],
    "n20": [0.50, 0.55, 0.60],
    "suggested": [0.55, 0.60, 0.65],
}


def compared(scores: dict[str, list[float]], **axes):
    for fraction, of_seeds in scores.items():
        for seed, miou in enumerate(of_seeds):
            labelled = 10 if fraction == "n10" else 20
            write_run(fraction=fraction, seed=seed, miou=miou, labelled=labelled)
    grid = requested(
        **{"fractions": ["n10", "n20", "suggested"], "seeds": [0, 1, 2]} | axes,
        suggestions=SUGGESTED,
        metrics=["miou"],
    )
    runs = collect(grid).table
    drawn = bootstrap(grid, runs, "miou")
    return grid, suggestions(grid, summary(grid, runs), drawn), drawn


def test_they_are_compared_with_as_many_random_ones(project):
    grid, table, scores = compared(SCORES)
    [row] = table.to_dict("records")
    assert (row["fraction"], row["random"], row["masks"], row["seeds"]) == (
        "suggested",
        "n20",
        20,
        3,
    )
    assert row["score"] == pytest.approx(0.60, abs=1e-4)
    assert row["random_score"] == pytest.approx(0.55, abs=1e-4)
    # Every seed gains as much, and all images are alike: nothing is by chance.
    ends = [row["difference"], row["difference_low"], row["difference_high"]]
    assert ends == pytest.approx([0.05] * 3, abs=1e-4)
    [sentence] = suggestion_sentences(grid, table)
    assert sentence == (
        "scenes, supervised: masks of 10 images that networks suggest, on top of n10, are better "
        "than random ones (mIoU +5.0, 95 % +5.0 to +5.0)."
    )
    cells = suggestions_table(grid, table, scores).markdown().splitlines()[-1].split("|")
    assert [cell.strip() for cell in cells[5:9]] == ["60.0", "55.0 (n20)", "+5.0", "+5.0 to +5.0"]


def test_where_seeds_disagree_it_cannot_be_told(project):
    grid, table, _ = compared(SCORES | {"suggested": [0.40, 0.55, 0.80]})
    [row] = table.to_dict("records")
    assert row["difference_low"] < 0 < row["difference_high"]
    assert "cannot be told from random ones" in suggestion_sentences(grid, table)[0]


def test_folds_of_the_same_masks_count_as_one_draw(project):
    _, table, _ = compared(SCORES, folds={"scenes": 3})
    [row] = table.to_dict("records")
    assert row["seeds"] == 3
    assert np.isnan(row["difference_low"]), "one draw of masks has no interval"


def test_a_fraction_without_an_equal_one_is_left_out(project):
    grid, table, scores = compared(SCORES, fractions=["n10", "suggested"])
    assert table.empty
    assert "compares no masks" in suggestions_table(grid, table, scores).markdown()
    assert suggestion_sentences(grid, table) == []
