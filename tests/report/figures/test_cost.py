"""Cost against score: the markers are the table."""

import numpy as np
from matplotlib.collections import PathCollection

from fewmask.report.figures.cost import cost_figure
from fewmask.report.results.runs import collect
from fewmask.report.tables.statistics import summary
from tests.report.synthetic_runs import assert_apart, requested, write_run


def markers(axes):
    found = [one.get_offsets() for one in axes.collections if isinstance(one, PathCollection)]
    return np.concatenate(found)


def test_minutes_hours_and_gpu_hours(project):
    for seconds, gpus, label, spent in [
        (600, 0, "Minutes per run (log scale)", [10, 10]),
        (7200, 0, "Hours per run (log scale)", [2, 2]),
        (7200, 2, "GPU hours per run (log scale)", [4, 4]),
        (60, 1, "GPU minutes per run (log scale)", [1, 1]),
    ]:
        stages = [{"seconds": float(seconds), "gpus": gpus}]
        for method, miou in {"a": 0.4, "b": 0.6}.items():
            write_run(method=method, miou=miou, stages=stages)
        grid = requested(methods=["a", "b"])
        [axes] = cost_figure(grid, summary(grid, collect(grid).table)).axes
        assert axes.get_xlabel() == label
        np.testing.assert_allclose(markers(axes), np.stack([spent, [40, 60]], axis=1))


def test_missing_seeds_are_told(project):
    write_run()
    grid = requested(seeds=[0, 1])
    figure = cost_figure(grid, summary(grid, collect(grid).table))
    assert any("hollow: fewer seeds" in text.get_text() for text in figure.texts)


def sizes(axes):
    """The areas of the markers, method by method."""
    found = [one.get_sizes() for one in axes.collections if isinstance(one, PathCollection)]
    return [of_method.tolist() for of_method in found]


def test_the_more_labelled_the_larger_and_all_masks_the_largest(project):
    for fraction, masks in {"0.1": 10, "0.2": 20, "0.3": 30}.items():
        for method in ("a", "b"):
            write_run(method=method, fraction=fraction, labelled=masks)
    grid = requested(methods=["a", "b"], fractions=["0.1", "0.2", "0.3"], all_masks=["b"])
    [axes] = cost_figure(grid, summary(grid, collect(grid).table)).axes
    rising, largest = sizes(axes)
    assert rising[0] < rising[1] < rising[2]
    assert largest == [rising[2]] * 3


def test_a_method_without_the_metric_has_no_marker(project):
    write_run(method="a", miou=0.5)
    write_run(method="b", miou=0.7)
    write_run(method="c", miou=None, images=[None] * 6)
    grid = requested(methods=["a", "b", "c"])
    figure = cost_figure(grid, summary(grid, collect(grid).table))
    [axes] = figure.axes
    assert len(markers(axes)) == 2
    figure.draw_without_rendering()
    assert_apart([one.get_window_extent() for one in figure.texts], figure.bbox)


def test_an_experiment_without_the_metric_says_so(project):
    write_run(miou=None, images=[None] * 6)
    grid = requested()
    [axes] = cost_figure(grid, summary(grid, collect(grid).table)).axes
    assert [text.get_text() for text in axes.texts] == ["no run with this metric yet"]
