"""The figure of ranks: the order of its rows, its intervals and its bars."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from fewmask.report.contents import figures
from fewmask.report.figures.ranks import ranks_figure
from fewmask.report.results.bootstrap import bootstrap
from fewmask.report.results.ranks import ranks
from fewmask.report.results.runs import collect
from fewmask.report.summarise import summarise
from fewmask.report.tables.statistics import summary
from tests.report.synthetic_runs import assert_apart, requested, write_run

METHODS = ["supervised", "a_method_whose_name_is_far_too_long_for_a_figure", "best", "bound"]
GRID = requested(methods=METHODS, datasets=["pets", "scenes"], seeds=[0, 1, 2], all_masks=["bound"])


def write_runs() -> None:
    """Two methods that differ by chance alone, and one that is better for certain."""
    random = np.random.default_rng(0)
    for dataset in GRID.datasets:
        for seed in GRID.seeds:
            for method, miou in zip(METHODS, (0.4, 0.4, 0.7, 0.9), strict=True):
                images = miou + 0.05 * random.standard_normal(6)
                write_run(dataset, method, seed=seed, images=images.tolist())


def drawn(seeds=(0, 1, 2)) -> tuple[Figure, object]:
    runs = collect(GRID).table
    scores = bootstrap(GRID, runs[runs["seed"].isin(seeds)], "miou")
    return ranks_figure(GRID, summary(GRID, runs), scores), ranks(GRID, scores)


def test_rows_are_the_methods_from_the_best_on_and_bars_join_those_not_told_apart(project):
    write_runs()
    figure, found = drawn()
    [axes] = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0] == "best"
    assert "bound" not in names, "it sees all masks"
    [dots] = [one.get_offsets() for one in axes.collections if isinstance(one, PathCollection)]
    assert [tuple(dot) for dot in dots] == [
        (pytest.approx(mean), row) for row, mean in enumerate(found.means)
    ]
    bars = [line for line in axes.lines if line.get_linewidth() == 2.5]
    assert [tuple(bar.get_ydata()) for bar in bars] == [
        (first - 0.2, last + 0.2) for first, last in found.joined
    ]
    assert found.joined


def test_nothing_overlaps(project):
    write_runs()
    figure, _ = drawn()
    [axes] = figure.axes
    figure.draw_without_rendering()
    texts = [*figure.texts, *axes.get_yticklabels(), axes.xaxis.label]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert_apart([*boxes, axes.get_window_extent()], figure.bbox)


def test_a_grid_of_which_too_little_is_finished(project):
    write_runs()
    figure, found = drawn(seeds=(0,))
    assert found is None
    assert [text.get_text() for text in figure.axes[0].texts] == ["no ranks"]


def test_it_is_written_with_all_else_that_is_listed(project):
    write_runs()
    summarise(GRID, project / "tables", project / "figures")
    assert {path.stem for path in (project / "figures").glob("*.svg")} >= {"ranks", "label_curve"}
    assert all((project / f"figures/{stem}.png").exists() for stem in figures(GRID))


def test_it_is_listed_for_several_datasets_alone():
    assert "ranks" in figures(GRID)
    assert "ranks" not in figures(GRID.model_copy(update={"datasets": ["pets"]}))
