"""Is it better? Verdicts on cases whose truth is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fewmask.report.results.bootstrap import Scores, bootstrap
from fewmask.report.results.resampled import samples_of
from fewmask.report.results.runs import collect
from fewmask.report.summarise import summarise
from fewmask.report.tables.comparison import comparison, comparison_table, with_marks
from fewmask.report.tables.latex import latex
from fewmask.report.tables.statistics import summary
from fewmask.report.tables.summary import summary_table
from tests.report.synthetic_runs import requested, write_run
from tests.report.tables.reading import rows_of

IMAGES, DRAWN = 50, 500


def compared(**axes):
    grid = requested(**{"methods": ["supervised", "b"], "seeds": [0, 1, 2]} | axes)
    runs = collect(grid).table
    table, scores = summary(grid, runs), bootstrap(grid, runs, grid.metrics[0])
    return grid, table, comparison(grid, table, scores), scores


def simulated(seeds, gain, cells=800):
    """A comparison at so many independent cells, in which the second method is better by ``gain``.

    A score is a mean over images. Seeds, images, and both together have effects on each method
    and on both alike; those on a method are twice as large for seeds as for images.
    """
    random = np.random.default_rng(seeds)
    fractions = [f"n{i}" for i in range(1, cells + 1)]
    grid = requested(methods=["supervised", "b"], fractions=fractions, seeds=list(range(seeds)))
    shares = samples_of(IMAGES, DRAWN, random) / IMAGES
    scores = Scores("miou", {"scenes": IMAGES})
    normal = random.standard_normal
    for fraction in fractions:
        shared = 5 * normal((seeds, 1)) + 5 * normal((1, IMAGES))
        for method, mean in (("supervised", 0), ("b", gain)):
            effects = normal((seeds, 1)) + 0.5 * IMAGES**0.5 * normal((1, IMAGES))
            values = mean + shared + effects + normal((seeds, IMAGES))
            cell = "scenes", method, fraction
            scores.of_seeds[cell] = dict(enumerate(values.mean(axis=1)))
            scores.drawn[cell] = dict(enumerate((shares @ values.T).T))
    runs = [
        {
            **{"dataset": "scenes", "method": method, "fraction": fraction},
            **{"masks": 1, "validation": 5, "seed": seed},
        }
        for method in grid.methods
        for fraction in fractions
        for seed in grid.seeds
    ]
    return comparison(grid, summary(grid, pd.DataFrame(runs)), scores)


def test_seeds_that_are_folds_are_counted_and_are_one_draw_of_masks(project):
    for method in ("supervised", "b"):
        for seed in range(4):
            write_run(method=method, seed=seed, images=[0.5] * 6)
    axes = {"methods": ["supervised", "b"], "seeds": [0, 1, 2, 3]}
    for folds, verdict in ((4, "one seed"), (2, "undecided")):
        grid, _, table, scores = compared(**axes, folds={"scenes": folds})
        [row] = table.to_dict("records")
        assert (row["seeds"], row["seeds_requested"], row["verdict"]) == (4, 4, verdict)
        text = comparison_table(grid, table, scores).markdown()
        assert f"The {folds} seeds of scenes that share their masks count as one." in text


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_of_equal_methods_one_in_twenty_is_called_different(seeds):
    table = simulated(seeds, gain=0)
    assert 0.01 <= table["verdict"].isin(["better", "worse"]).mean() <= 0.07
    # Not more often in one direction, and the probability says as much.
    assert abs(table["probability_better"].mean() - 0.5) < 0.03
    assert (table["probability_better"] > 0.975).mean() <= 0.04


@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_hold_the_true_difference(seeds):
    table = simulated(seeds, gain=4)
    is_held = (table["difference_low"] <= 4) & (table["difference_high"] >= 4)
    assert 0.93 <= is_held.mean() <= 0.99
    assert (table["verdict"] == "worse").sum() == 0
    if seeds == 5:
        assert (table["verdict"] == "better").mean() > 0.75


def test_many_equal_methods_are_called_different_no_more_often():
    """Of eight methods without a difference, few of 300 fractions have any verdict."""
    random, methods = np.random.default_rng(1), [f"m{i}" for i in range(8)]
    shares = samples_of(IMAGES, DRAWN, random) / IMAGES
    fractions = [f"n{i}" for i in range(1, 301)]
    grid = requested(methods=["supervised", *methods], fractions=fractions, seeds=list(range(5)))
    scores, normal = Scores("miou", {"scenes": IMAGES}), random.standard_normal
    for fraction in fractions:
        shared = 5 * normal((5, 1)) + 5 * normal((1, IMAGES))
        for method in grid.methods:
            values = shared + normal((5, 1)) + normal((5, IMAGES)) + 3 * normal((1, IMAGES))
            cell = "scenes", method, fraction
            scores.of_seeds[cell] = dict(enumerate(values.mean(axis=1)))
            scores.drawn[cell] = dict(enumerate((shares @ values.T).T))
    runs = [
        {"dataset": "scenes", "method": method, "fraction": fraction, "seed": seed}
        | {"masks": 1, "validation": 5}
        for method in grid.methods
        for fraction in fractions
        for seed in grid.seeds
    ]
    table = comparison(grid, summary(grid, pd.DataFrame(runs)), scores)
    plain = (table["difference_low"] > 0) | (table["difference_high"] < 0)
    some = plain.groupby(table["fraction"]).any().mean()
    corrected = table["verdict"].isin(["better", "worse"]).groupby(table["fraction"]).any().mean()
    assert some > 0.1, "each by itself errs much more often"
    assert corrected <= 0.06
    assert (table["corrected_low"] <= table["difference_low"] + 1e-9).all()
    assert (table["corrected_high"] >= table["difference_high"] - 1e-9).all()


def test_the_table_by_hand(project):
    for seed in (0, 1, 2):
        write_run(seed=seed, miou=0.4 + 0.1 * seed)
        write_run(method="b", seed=seed, miou=0.45 + 0.1 * seed)
    _, _, table, _ = compared()
    assert table["method"].tolist() == ["b"]
    row = table.iloc[0]
    assert (row.reference, row.metric, row.masks, row.seeds) == ("supervised", "miou", 10, 3)
    assert row[["score", "reference_score"]].tolist() == pytest.approx([0.55, 0.5], abs=1e-4)
    # Every seed has the same difference, and so has every image: nothing is by chance.
    ends = row[["difference", "difference_low", "difference_high"]].tolist()
    assert ends == pytest.approx([0.05] * 3, abs=1e-4)
    assert (row.probability_better, row.verdict) == (1, "better")


def test_images_count_too(project):
    """A method that is better on half of few images is not better for sure."""
    for seed in (0, 1, 2):
        write_run(seed=seed, images=[0.5] * 6)
        write_run(method="b", seed=seed, images=[0.8, 0.8, 0.8, 0.3, 0.5, 0.3])
    _, _, table, _ = compared()
    assert table["difference"][0] > 0.04
    assert table["verdict"][0] == "undecided"
    assert 0.7 < table["probability_better"][0] < 0.975


def test_where_lower_is_better(project):
    for seed, noise in enumerate([0, 0.001, 0.002]):
        write_run(seed=seed, cross_entropy=0.5)
        write_run(method="b", seed=seed, cross_entropy=0.4 + noise)
        write_run(method="c", seed=seed, cross_entropy=0.6 + noise)
    grid, _, table, scores = compared(methods=["supervised", "b", "c"], metrics=["cross_entropy"])
    assert table["verdict"].tolist() == ["better", "worse"]
    assert table["difference"].tolist() == pytest.approx([-0.099, 0.101])
    assert table["probability_better"].tolist() == pytest.approx([1, 0], abs=0.01)
    text = comparison_table(grid, table, scores).markdown()
    assert "by Cross-entropy on the test set. Lower is better." in text
    assert rows_of(text)[0][5] == "-0.099"


def test_the_same_runs_are_undecided(project):
    for seed in (0, 1):
        for method in ("supervised", "b"):
            write_run(method=method, seed=seed, miou=0.5 + 0.1 * seed)
    _, _, table, _ = compared(seeds=[0, 1])
    assert (table["verdict"][0], table["probability_better"][0]) == ("undecided", 0.5)


def test_what_only_rounding_tells_apart_is_undecided(project):
    for seed in (0, 1, 2):
        write_run(seed=seed, cross_entropy=0.3)
        write_run(method="b", seed=seed, cross_entropy=0.1 + 0.2)
    grid, _, table, scores = compared(metrics=["cross_entropy"])
    assert (table["difference"][0], table["verdict"][0]) == (0, "undecided")
    assert table["probability_better"][0] == 0.5
    assert rows_of(comparison_table(grid, table, scores).markdown())[0][5] == "0.000"


def test_with_one_seed_nothing_can_be_said(project):
    write_run(miou=0.1)
    write_run(method="b", miou=0.9)
    grid, whole, table, scores = compared(seeds=[0])
    assert table["verdict"].tolist() == ["one seed"]
    assert table[["difference_low", "probability_better"]].isna().all(axis=None)
    text = comparison_table(grid, table, scores).markdown()
    assert "With one seed the variation by chance is unknown" in text
    assert rows_of(text)[0][5:] == ["+80.0", "–", "–", "–", "one seed", "1"]
    assert with_marks(whole, table) is whole


def test_missing_runs_are_told(project):
    for seed in (0, 1):
        write_run(seed=seed)
    write_run(fraction="n20", seed=2)
    for seed in (1, 2):
        write_run(method="b", seed=seed)
    grid, _, table, scores = compared(fractions=["n10", "n20"])
    assert table["seeds"].tolist() == [1, 0]
    assert table["verdict"].tolist() == ["one seed", "no run"]
    rows = rows_of(comparison_table(grid, table, scores).markdown())
    assert [row[-1] for row in rows] == ["1 of 3", "0 of 3"]


def test_upper_bounds_are_compared_and_what_segments_nothing_is_not(project):
    for seed in (0, 1, 2):
        write_run(seed=seed)
        write_run(method="bound", seed=seed, miou=0.9)
        write_run(method="depth", seed=seed, miou=None)
    methods = ["depth", "supervised", "bound"]
    grid, _, table, scores = compared(methods=methods, all_masks=["bound"])
    assert table["method"].tolist() == ["bound"]
    assert rows_of(comparison_table(grid, table, scores).markdown())[0][2] == "all"


def test_marks_in_the_summary(project):
    for seed in (0, 1, 2):
        write_run(seed=seed, miou=0.5)
        write_run(method="b", seed=seed, miou=0.6)
        write_run(method="c", seed=seed, miou=0.4)
    grid, whole, table, _ = compared(methods=["supervised", "b", "c"])
    shown = with_marks(whole, table)
    assert shown["mark"].tolist() == ["", "↑", "↓"]
    text = summary_table(grid, shown).markdown()
    assert [row[4] for row in rows_of(text)] == ["50.0 ± 0.0", "**60.0 ± 0.0** ↑", "40.0 ± 0.0 ↓"]
    assert "↑, ↓: better, worse than supervised in mIoU" in text
    assert r"\textbf{60.0 $\pm$ 0.0} $\uparrow$" in latex(grid, shown)


def test_the_files(project):
    for seed in (0, 1):
        write_run(seed=seed)
        write_run(method="b", seed=seed, miou=0.7)
    grid = requested(methods=["supervised", "b"], seeds=[0, 1])
    summarise(grid, Path("tables"), Path("figures"))
    assert pd.read_csv("tables/comparison.csv")["verdict"].tolist() == ["better"]
    text = Path("tables/comparison.md").read_text()
    assert text.startswith("# Is it better? A title\n")
    assert "bootstrap (10,000 draws) over seeds and test images" in text
    assert "70.0 ± 0.0** ↑" in Path("tables/summary.md").read_text()


def test_with_one_method_the_files_say_so(project):
    write_run()
    summarise(requested(), Path("tables"), Path("figures"))
    assert "no other method to compare with supervised" in Path("tables/comparison.md").read_text()
    assert pd.read_csv("tables/comparison.csv").empty
