"""Label savings against curves whose truth is known."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from scipy.optimize import isotonic_regression

from fewmask.report.figures.label_savings import savings_figure
from fewmask.report.results.bootstrap import bootstrap, draws, interval, weights_of_seeds
from fewmask.report.results.runs import collect
from fewmask.report.summarise import summarise
from fewmask.report.tables.label_savings import (
    isotonic,
    label_savings,
    label_savings_table,
    reached_at,
    with_savings,
)
from fewmask.report.tables.latex import latex
from fewmask.report.tables.statistics import summary
from fewmask.report.tables.summary import summary_table
from tests.report.synthetic_runs import assert_apart, requested, write_run

LABELLED = {"n10": 10, "n20": 20, "n40": 40, "n80": 80}
CURVE = np.array([[0.2, 0.4, 0.5, 0.6]])


def saved(**axes):
    grid = requested(**{"methods": ["supervised", "b"], "fractions": list(LABELLED)} | axes)
    runs = collect(grid).table
    table, scores = summary(grid, runs), bootstrap(grid, runs, grid.metrics[0])
    return grid, table, label_savings(grid, table, scores), scores


def write_curve(scores, method="supervised", seed=0, **values):
    for (fraction, masks), miou in zip(LABELLED.items(), scores, strict=True):
        if miou is not None:
            write_run("scenes", method, fraction, seed, labelled=masks, miou=miou, **values)


class TestReachedAt:
    """Where a curve first reaches a score."""

    masks = np.array([10.0, 20, 40, 80])

    @pytest.mark.parametrize(
        ("score", "expected"),
        [
            (0.2, 10),
            (0.3, 10 * 2**0.5),  # half way on a logarithmic axis
            (0.4, 20),
            (0.55, 40 * 2**0.5),
            (0.6, 80),
            (0.61, np.inf),
            (0.19, 0),
        ],
    )
    def test_by_hand(self, score, expected):
        assert reached_at(self.masks, CURVE, np.array([score]))[0] == pytest.approx(expected)

    def test_a_curve_that_dips_is_made_level_first(self):
        # 0.5 and 0.3 become 0.4 both, so that 0.4 is reached with 20 images and 0.5 with half way
        # from 40 to 80.
        curves = np.array([[0.2, 0.5, 0.3, 0.6]] * 2)
        found = reached_at(self.masks, isotonic(curves), np.array([0.4, 0.5]))
        np.testing.assert_allclose(found, [20, 40 * 2**0.5])

    @pytest.mark.parametrize("sign", [1, -1])
    def test_ties_are_ties_whatever_rounding_says(self, sign):
        """0.1 + 0.2 is a little more than 0.3, and -0.1 - 0.2 a little less than -0.3."""
        more, less = sorted([sign * (0.1 + 0.2), sign * 0.3], reverse=True)
        curves = np.array([[-1, -0.9, -0.8, less], [more, 1, 2, 3], [-1, less, 0.9, 1]])
        found = reached_at(self.masks, curves, np.array([more, less, more]))
        np.testing.assert_allclose(found, [80, 10, 20])

    def test_a_level_curve_reaches_at_its_beginning_or_nowhere(self):
        curves = np.full((3, 4), 0.5)
        found = reached_at(self.masks, curves, np.array([0.5, 0.4, 0.6]))
        assert found.tolist() == [10, 0, np.inf]

    def test_of_nothing_nothing_is_known(self):
        curves = np.array([[0.1, np.nan, 0.2, 0.3], CURVE[0]])
        found = reached_at(self.masks, curves, np.array([0.2, np.nan]))
        assert np.isnan(found).all()

    def test_isotonic_regression_is_that_of_scipy(self):
        curves = np.random.default_rng(0).standard_normal((200, 6))
        expected = [isotonic_regression(curve).x for curve in curves]
        np.testing.assert_allclose(isotonic(curves), expected)


def test_intervals_hold_the_truth():
    # The truth: 0.1 for every doubling, and a method with 20 images that is worth 50 of them.
    random, masks = np.random.default_rng(0), np.array([10.0, 20, 40, 80])
    truth = 0.1 * np.log2([50, *masks])
    seeds, found = 4, []
    for _ in range(1000):
        of_seeds = truth + 0.02 * random.standard_normal((seeds, 5))
        weights = weights_of_seeds(seeds, 1000, random)
        drawn = draws(of_seeds, np.tile(of_seeds.mean(axis=0), (1000, 1)), weights)
        low, high = interval(reached_at(masks, isotonic(drawn[:, 1:]), drawn[:, 0]))
        found.append(low <= 50 <= high)
    assert 0.935 <= np.mean(found) <= 0.98


def test_the_table_by_hand(project):
    for seed in (0, 1, 2):
        write_curve(CURVE[0] + 0.01 * (seed - 1), seed=seed)
        write_curve(np.array([0.3, 0.5, 0.9, 0.1]) + 0.01 * (seed - 1), "b", seed)
    _, _, table, _ = saved(seeds=[0, 1, 2])
    assert set(table["method"]) == {"b"}
    assert table["masks"].tolist() == [10, 20, 40, 80]
    assert table["seeds"].tolist() == [3] * 4
    np.testing.assert_allclose(table["needed"], [10 * 2**0.5, 40, np.inf, 0], rtol=0.01)
    np.testing.assert_allclose(table["factor"], [2**0.5, 2, np.inf, 0], rtol=0.01)
    assert table["curve"].tolist() == ["within"] * 2 + ["beyond the curve", "below the curve"]
    # Seeds move the curve and the score together, and all images are alike: nothing is by chance.
    np.testing.assert_allclose(table["factor_low"], table["factor"], rtol=0.01)
    np.testing.assert_allclose(table["factor_high"], table["factor"], rtol=0.01)
    assert table[["curve_from", "curve_to"]].to_numpy().tolist() == [[10, 80]] * 4


def test_where_lower_is_better(project):
    for method, losses in {"supervised": [0.8, 0.6, 0.5, 0.4], "b": [0.6, 0.3, 0.9, 0.5]}.items():
        for (fraction, masks), loss in zip(LABELLED.items(), losses, strict=True):
            write_run("scenes", method, fraction, labelled=masks, cross_entropy=loss)
    _, _, table, _ = saved(metrics=["cross_entropy"])
    np.testing.assert_allclose(table["needed"], [20, np.inf, 0, 40])


def test_the_top_of_the_curve_is_not_beyond_it(project):
    """Means over seeds that are equal, but for the order in which they are summed."""
    for seed, (top, same) in enumerate([(0.1, 0.3), (0.2, 0.2), (0.3, 0.1)]):
        for fraction, error in {"n10": 0.8, "n20": top}.items():
            cell = {"seed": seed, "fraction": fraction, "labelled": LABELLED[fraction]}
            write_run(cross_entropy=error, **cell)
            write_run(method="b", cross_entropy=same, **cell)
    assert np.mean([0.1, 0.2, 0.3]) != np.mean([0.3, 0.2, 0.1])
    axes = {"fractions": ["n10", "n20"], "seeds": [0, 1, 2], "metrics": ["cross_entropy"]}
    _, _, table, _ = saved(**axes)
    assert table["curve"].tolist() == ["within", "within"]
    assert table["needed"].tolist() == pytest.approx([20, 20])


def test_the_reference_is_named_or_supervised_or_the_first():
    assert requested(methods=["b", "supervised"]).compared_with == "supervised"
    assert requested(methods=["b", "c"]).compared_with == "b"
    assert requested(methods=["b", "c"], all_masks=["b"]).compared_with == "c"
    assert requested(methods=["b", "supervised"], reference="b").compared_with == "b"


def test_upper_bounds_and_methods_that_segment_nothing_have_none(project):
    write_curve(CURVE[0])
    write_curve(CURVE[0], "bound")
    for fraction in LABELLED:
        write_run("scenes", "depth", fraction, miou=None)
    write_curve(CURVE[0], "b")
    methods = ["supervised", "bound", "depth", "b"]
    _, _, table, _ = saved(methods=methods, all_masks=["bound"])
    assert set(table["method"]) == {"b"}


def test_one_seed_has_no_interval(project):
    write_curve(CURVE[0])
    write_curve(CURVE[0], "b")
    grid, _, table, scores = saved()
    assert table["factor"].tolist() == pytest.approx([1] * 4)
    assert table[["needed_low", "needed_high", "factor_low"]].isna().all(axis=None)
    text = label_savings_table(grid, table, scores).markdown()
    assert "With one seed the variation by chance is unknown" in text
    assert "bootstrap" not in text


def test_missing_runs(project):
    write_curve(CURVE[0])
    write_curve([None, *CURVE[0][1:]], seed=1)
    write_curve([0.3, 0.3, 0.3, None], "b")
    write_curve([None, 0.3, None, None], "b", seed=1)
    _, _, table, scores = saved(seeds=[0, 1])
    assert table["seeds"].tolist() == [1, 1, 1, 0], "those that the whole curve has too"
    assert table["seeds_requested"].tolist() == [2] * 4
    assert table["needed"].isna().tolist() == [False, False, False, True]
    grid, *_ = saved(seeds=[0, 1])
    last = label_savings_table(grid, table, scores).markdown().splitlines()[-1]
    assert [cell.strip() for cell in last.split("|")[4:-1]] == ["b", "–", "–", "–", "–", "0 of 2"]


def test_a_curve_of_one_point_tells_nothing(project):
    for method in ("supervised", "b"):
        write_run(method=method, fraction="n10")
    grid, whole, table, _ = saved(fractions=["n10"])
    assert table["needed"].isna().all()
    assert with_savings(whole, table) is whole
    assert len(savings_figure(grid, whole, table).axes) == 1


def test_fractions_of_the_same_number_are_one_point(project):
    for method in ("supervised", "b"):
        write_curve(CURVE[0], method)
        write_run(method=method, fraction="0.5", labelled=20, miou=0.45)
    _, _, table, _ = saved(fractions=[*LABELLED, "0.5"])
    assert table["curve"].tolist() == ["within"] * 5
    np.testing.assert_allclose(table["needed"], [10, 20, 40, 80, 20 * 2**0.5], rtol=1e-3)


def test_for_people(project):
    for seed in (0, 1, 2):
        noise = 0.01 * np.random.default_rng(seed).standard_normal(8)
        write_curve(CURVE[0] + noise[:4], seed=seed)
        write_curve(np.array([0.45, 0.5, 0.9, 0.1]) + noise[4:], "b", seed)
    grid, whole, table, scores = saved(seeds=[0, 1, 2])
    text = label_savings_table(grid, table, scores).markdown()
    assert text.startswith("# Label savings: A title\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[-4:]]
    assert rows[0][:6] == ["scenes", "n10", "10", "b", "45.7", f"{table['needed'][0]:.0f}"]
    assert rows[0][6] == f"×{table['factor'][0]:.1f}"
    assert rows[0][7].count("×") == 2
    assert [row[5] for row in rows[2:]] == ["beyond the curve", "below the curve"]
    assert [row[6:8] for row in rows[2:]] == [["> ×2.0", "beyond"], ["< ×0.1", "below"]]
    assert "better than supervised with its largest label fraction" in text
    shown = with_savings(whole, table)
    assert shown["label_savings"].tolist()[:4] == ["–"] * 4
    in_summary = summary_table(grid, shown).markdown()
    assert "Label savings: how many times as many masks supervised would need" in in_summary
    assert f" {rows[0][6]} |" in in_summary
    assert r"$>$" not in latex(grid, shown)
    assert r"\textgreater{} $\times$2.0" in latex(grid, shown)


def test_the_figure_shows_the_table_and_hides_nothing(project, monkeypatch):
    seeds, methods = [0, 1, 2], ["supervised", "b", "c"]
    random = np.random.default_rng(0)
    for method, seed in product(methods, seeds):
        write_curve(CURVE[0] + 0.03 * random.standard_normal(4), method, seed)
    grid, whole, table, _ = saved(seeds=seeds, methods=methods)
    figure = savings_figure(grid, whole, table)
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    low, high = axes.get_ylim()
    assert low < 10 < 80 < high
    for method, marks in zip(methods[1:], axes.collections[1::2], strict=True):
        own = table[table["method"] == method]
        drawn = np.asarray(marks.get_offsets())
        np.testing.assert_allclose(drawn[:, 0], own["masks"].to_numpy(float))
        within = (own["curve"] == "within").to_numpy()
        np.testing.assert_allclose(drawn[within, 1], own["needed"].to_numpy()[within])
        assert ((drawn[:, 1] > low) & (drawn[:, 1] < high)).all()
    texts = []
    monkeypatch.setattr(Text, "draw", lambda text, renderer: texts.append(text))
    figure.draw_without_rendering()
    shown = [text for text in texts if text.get_visible() and text.get_text()]
    assert_apart([text.get_window_extent() for text in shown], figure.bbox)


def test_with_one_method_the_files_say_so(project):
    write_run()
    summarise(requested(), Path("tables"), Path("figures"))
    assert "no method to compare with supervised" in Path("tables/label_savings.md").read_text()
    assert pd.read_csv("tables/label_savings.csv").empty
    assert "Label savings" not in Path("tables/summary.md").read_text()
