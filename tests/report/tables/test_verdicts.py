"""The sentences that say what a grid has found."""

import numpy as np

from fewmask.report.results.runs import collect
from fewmask.report.tables.tabulate import tabulate
from tests.report.synthetic_runs import requested, write_run


def found(**axes):
    grid = requested(seeds=[0, 1, 2], **axes)
    return tabulate(grid, collect(grid)).pages(grid)["summary"][1].findings


def write(method, miou, fraction="n10", hours=1.0, **values):
    for seed in (0, 1, 2):
        noise = 0.001 * np.random.default_rng(seed).standard_normal()
        stages = [{"seconds": 3600 * hours}]
        values = {"labelled": int(fraction[1:]), **values}
        write_run("scenes", method, fraction, seed, miou=miou + noise, stages=stages, **values)


def test_how_many_are_better_which_is_best_and_which_is_cheap(project):
    write("supervised", 0.5)
    write("supervised", 0.7, "n40")
    for method, miou, hours in (("a", 0.6, 10), ("b", 0.55, 2), ("c", 0.4, 1), ("d", 0.5, 1)):
        write(method, miou, hours=hours)
        write(method, 0.7, "n40")
    first, second = found(methods=["supervised", "a", "b", "c", "d"], fractions=["n10", "n40"])
    assert first.startswith(
        "scenes at n10: of 4 methods, 2 are better than supervised, 1 is worse; the best of "
        "them is a (+10.0 points of mIoU, 95 % +"
    )
    assert "; ×2.0 labels); at 0." in first
    assert "of its hours, b (+5.0 points of mIoU" in first
    assert second.startswith("scenes at n40: of 4 methods, none is better than supervised for")
    assert "comes closest (0.0 points of mIoU, 95 % " in second


def test_the_highest_mean_is_not_called_the_best_where_its_seeds_disagree(project):
    write("supervised", 0.5)
    write("b", 0.52)
    for seed, miou in enumerate([0.4, 0.7, 0.8]):
        write_run("scenes", "a", "n10", seed, miou=miou, labelled=10)
    (sentence,) = found(methods=["supervised", "a", "b"], fractions=["n10"])
    assert "1 is better than supervised; it is b (+2.0 points" in sentence
    assert "; a is higher in the mean, but not better for certain (+13.3 points" in sentence


def test_of_one_method_and_of_upper_bounds(project):
    write("supervised", 0.5)
    write("b", 0.6)
    write("upper_bound", 0.9)
    axes = {"methods": ["supervised", "b", "upper_bound"], "all_masks": ["upper_bound"]}
    (sentence,) = found(**axes)
    assert sentence.startswith("scenes at n10: b is better than supervised (+10.0 points of mIoU")
    assert found(methods=["supervised"]) == []


def test_where_lower_is_better(project):
    for method, loss in (("supervised", 0.5), ("b", 0.4), ("c", 0.6)):
        write(method, 0.5, cross_entropy=loss)
    axes = {"methods": ["supervised", "b", "c"], "metrics": ["cross_entropy"]}
    (sentence,) = found(**axes)
    assert "1 is better than supervised, 1 is worse; it is b (-0.100 of Cross-" in sentence


def test_without_two_seeds_of_all_methods_nothing_is_said(project):
    for seed, miou in enumerate([0.5, 0.501, 0.502]):
        write_run(seed=seed, miou=miou)
    for method, seeds in (("b", (0, 1)), ("c", (1, 2))):
        for seed in seeds:
            write_run(method=method, seed=seed, miou=0.9)
    grid = requested(methods=["supervised", "b", "c"], seeds=[0, 1, 2])
    results = tabulate(grid, collect(grid))
    assert results.comparison["verdict"].tolist() == ["undecided", "undecided"]
    assert (results.comparison["difference_low"] > 0.3).all()
    assert results.pages(grid)["summary"][1].findings == []
