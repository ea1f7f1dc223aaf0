"""The sweep figure: score against the number in which methods differ."""

import numpy as np
from matplotlib.collections import PathCollection

from fewmask.report.contents import figures
from fewmask.report.figures.sweep import sweep_figure
from fewmask.report.results.runs import collect
from fewmask.report.tables.statistics import summary
from tests.report.synthetic_runs import requested, write_run

SWEEP = {"setting": "λ", "values": {"strong": 1.0, "weak": 0.25, "middle": 0.5}}
METHODS = ["base", "strong", "weak", "middle"]


def drawn(**axes):
    grid = requested(methods=METHODS, sweep=SWEEP, **axes)
    return sweep_figure(grid, summary(grid, collect(grid).table))


def test_a_line_per_fraction_in_the_order_of_the_number(project):
    mious = {"base": 0.2, "strong": 0.5, "weak": 0.4, "middle": 0.6}
    for fraction, gain in {"n10": 0, "n20": 0.1}.items():
        for method, miou in mious.items():
            write_run(method=method, fraction=fraction, miou=miou + gain)
    published = {
        "source": "A paper",
        "values": [{"when": {"method": "weak"}, "values": {"miou": 0.45}}],
    }
    [axes] = drawn(fractions=["n10", "n20"], published=published).axes
    assert axes.get_xlabel() == "λ"
    assert axes.get_xscale() == "log"
    markers = [one.get_offsets() for one in axes.collections if isinstance(one, PathCollection)]
    values = [0.25, 0.5, 1]
    for offsets, percent in zip(markers, [[40, 60, 50], [50, 70, 60]], strict=True):
        np.testing.assert_allclose(offsets, np.stack([values, percent], axis=1))
    stated = [line for line in axes.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose([line.get_xydata() for line in stated], [[[0.25, 45]]] * 2)


def test_without_runs_the_panel_says_so(project):
    write_run(method="base")
    [axes] = drawn().axes
    assert [text.get_text() for text in axes.texts] == ["no run with this metric yet"]


def test_experiments_without_a_sweep_have_no_such_figure(project):
    assert "sweep" not in figures(requested())
    assert "sweep" in figures(requested(methods=METHODS, sweep=SWEEP))
