"""More methods than colours: which of them have one, and what the figures make of the others."""

import itertools

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex

from fewmask.report.figures.comparison import comparison_figure
from fewmask.report.figures.cost import cost_figure
from fewmask.report.figures.draw import figures as all_figures
from fewmask.report.figures.label_curve import label_curve
from fewmask.report.figures.label_savings import savings_figure
from fewmask.report.figures.method_looks import is_grey, method_looks, shown_methods
from fewmask.report.figures.style import COLOURS, GREY
from fewmask.report.results.bootstrap import bootstrap
from fewmask.report.results.runs import collect
from fewmask.report.tables.comparison import comparison
from fewmask.report.tables.label_savings import label_savings
from fewmask.report.tables.statistics import summary
from fewmask.report.tables.tabulate import tabulate
from tests.report.synthetic_runs import assert_apart, requested, write_run

METHODS = ["m0", "supervised", *(f"m{i}" for i in range(1, 8)), "bound"]
GRID = requested(
    methods=METHODS, datasets=["pets", "scenes", "a_third_dataset", "a_fourth_dataset"],
    fractions=["n10", "n20"], seeds=[0, 1, 2], reference="supervised", all_masks=["bound"],
)  # fmt: skip
MIOU = {"m0": 0.2, "supervised": 0.3, "bound": 0.9} | {f"m{i}": 0.4 + i / 50 for i in range(1, 8)}
BEST = ["m3", "m4", "m5", "m6", "m7"]


@pytest.fixture
def runs(project):
    random = np.random.default_rng(0)
    cells = itertools.product(GRID.datasets, METHODS, {"n10": 10, "n20": 20}.items(), GRID.seeds)
    for dataset, method, (fraction, masks), seed in cells:
        # m1 is the best on one dataset, and the seventh on the others.
        miou = 0.7 if (dataset, method) == ("pets", "m1") else MIOU[method]
        miou = miou + 0.1 * (fraction == "n20") + 0.01 * random.standard_normal(5)
        values = {"images": miou.clip(0, 1).tolist(), "labelled": masks}
        write_run(dataset, method, fraction, seed, **values)
    return collect(GRID).table


def test_the_reference_bounds_and_the_best_by_mean_rank_have_colours(runs):
    looks = method_looks(GRID, summary(GRID, runs))
    coloured = [method for method, look in looks.items() if not is_grey(look)]
    assert coloured == ["supervised", *BEST, "bound"], "in the order of the experiment"
    assert [looks[method][0] for method in coloured] == list(COLOURS)


def test_lower_is_better_for_losses(runs):
    lower = GRID.model_copy(update={"metrics": ["cross_entropy"]})
    table = summary(lower, runs)
    table = table.assign(cross_entropy_mean=table["miou_mean"])
    looks = method_looks(lower, table)
    assert not is_grey(looks["m0"])
    assert is_grey(looks["m7"])


def test_grey_methods_have_no_bars(runs):
    table = summary(GRID, runs)
    scores = bootstrap(GRID, runs, "miou")
    savings = label_savings(GRID, table, scores)
    figures = [
        (label_curve(GRID, runs, table), 8),
        (cost_figure(GRID, table), 8),
        (savings_figure(GRID, table, savings), 6),
    ]
    for figure, entries in figures:
        names = [text.get_text() for text in figure.texts]
        assert "others" in names
        assert not {"m0", "m1", "m2"} & set(names)
        assert len({"supervised", *BEST, "bound", "others"} & set(names)) == entries
        assert any("the 3 methods that did worst" in name.replace("\n", " ") for name in names)
        for axes in figure.axes:
            bars = [one for one in axes.collections if isinstance(one, LineCollection)]
            assert GREY not in {to_hex(colour) for one in bars for colour in one.get_color()}
    curve, _ = figures[0]
    for axes in curve.axes:
        [grey] = [line.get_ydata() for line in axes.lines if to_hex(line.get_color()) == GREY]
        assert np.isnan(grey).sum() == 3, "a gap behind each"


def test_images_and_curves_of_many_methods_on_many_datasets_are_those_with_a_colour(runs):
    assert shown_methods(GRID.model_copy(update={"datasets": ["pets"]}), runs) == METHODS
    collected = collect(GRID)
    drawn = all_figures(GRID, collected, tabulate(GRID, collected))
    for name in ("segmentation_examples", "cases/pets", "class_iou/pets"):
        texts = [text.get_text() for text in drawn[name]().texts]
        named = {one.partition(",")[0] for one in texts} & {*METHODS, "others"}
        assert named == {"supervised", *BEST, "bound"}
        note = " ".join(texts).replace("\n", " ")
        assert "Shown are 7 of 10 methods" in note


def test_the_comparison_shows_differences_and_corrected_intervals(runs):
    table, scores = summary(GRID, runs), bootstrap(GRID, runs, "miou")
    compared = comparison(GRID, table, scores)
    figure = comparison_figure(GRID, compared)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    own = compared[compared["method"] != "bound"]
    means = own.groupby("method")["difference"].mean()
    assert names == means.sort_values(ascending=False).index.tolist()
    for axes, dataset in zip(figure.axes, GRID.datasets, strict=True):
        [dots] = [one for one in axes.collections if isinstance(one, PathCollection)]
        _, bars = [one for one in axes.collections if isinstance(one, LineCollection)]
        cells = own[own["dataset"] == dataset].set_index(["fraction", "method"])
        cells = cells.loc[[*itertools.product(GRID.fractions, names)]]
        np.testing.assert_allclose(dots.get_offsets()[:, 0], 100 * cells["difference"])
        ends = np.array([segment[:, 0] for segment in bars.get_segments()])
        expected = 100 * cells[["corrected_low", "corrected_high"]].to_numpy(float)
        np.testing.assert_allclose(ends, expected)
        low, high = axes.get_xlim()
        assert low < min(expected.min(), 0)
        assert high > max(expected.max(), 0)


def test_nothing_of_the_comparison_overlaps(runs):
    compared = comparison(GRID, summary(GRID, runs), bootstrap(GRID, runs, "miou"))
    figure = comparison_figure(GRID, compared)
    figure.draw_without_rendering()
    texts = [*figure.texts, *figure.axes[0].get_yticklabels()]
    for axes in figure.axes:
        texts += [axes.xaxis.label, axes.title, axes._left_title]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert_apart([*boxes, *(axes.get_window_extent() for axes in figure.axes)], figure.bbox)


def test_a_comparison_without_runs(project):
    figure = comparison_figure(GRID, comparison(GRID, *nothing()))
    assert any("No finished run" in text.get_text() for text in figure.texts)


def nothing():
    """The summary and the scores of an experiment without runs."""
    empty = collect(GRID).table
    return summary(GRID, empty), bootstrap(GRID, empty, "miou")
