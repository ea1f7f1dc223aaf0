"""IoU of classes, and pseudo-masks by stage: the dots are the tables, and nothing overlaps."""

import itertools

import numpy as np
import pandas as pd
from matplotlib.collections import PathCollection

from fewmask.report.figures.class_iou import class_iou
from fewmask.report.figures.pseudo_masks import pseudo_masks_figure
from fewmask.report.figures.style import COLOURS
from fewmask.report.results.runs import collect
from fewmask.report.tables.statistics import summary
from tests.report.synthetic_runs import assert_apart, requested, write_run


def write_grid(grid, classes):
    random = np.random.default_rng(0)
    axes = grid.datasets, grid.methods, grid.fractions, grid.seeds
    for dataset, method, fraction, seed in itertools.product(*axes):
        ious = {name: float(random.uniform(0, 0.9)) for name in classes[dataset]}
        write_run(dataset, method, fraction, seed, classes=ious)


def dots(axes):
    """The dots of a panel: by colour, IoU by row."""
    found = {}
    for one in axes.collections:
        if isinstance(one, PathCollection):
            colours = np.round(255 * one.get_facecolors()[:, :3]).astype(int)
            for colour, dot in zip(map(tuple, colours), one.get_offsets(), strict=True):
                found.setdefault(colour, []).append(dot)
    return {colour: np.array(of_colour) for colour, of_colour in found.items()}


def rgb(colour):
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def test_dots_are_the_table_and_classes_those_of_the_dataset(project):
    classes = {"scenes": ["wall", "box"], "pets": ["pet"]}
    grid = requested(
        datasets=[*classes], methods=["a", "b"], fractions=["n10", "n20"], seeds=[0, 1]
    )
    write_grid(grid, classes)
    table = summary(grid, collect(grid).table)
    figure = class_iou(grid, table, "scenes")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["wall", "box"]
    for axes, fraction in zip(figure.axes, grid.fractions, strict=True):
        for i, method in enumerate(grid.methods):
            own = table.set_index(["dataset", "method", "fraction"]).loc["scenes", method, fraction]
            means = 100 * own[["iou_wall_mean", "iou_box_mean"]].to_numpy(float)
            found = dots(axes)[rgb(COLOURS[i])]
            np.testing.assert_allclose(found[:, 0], means)
            np.testing.assert_array_equal(np.round(found[:, 1]), [0, 1])
    assert [
        label.get_text() for label in class_iou(grid, table, "pets").axes[0].get_yticklabels()
    ] == ["pet"]


def test_a_class_that_no_run_has_seen_leaves_its_row_free(project):
    write_run(classes={"wall": 0.5, "box": None})
    write_run(seed=1, classes={"wall": 0.6, "box": 0.3})
    grid = requested(seeds=[0, 1])
    figure = class_iou(grid, summary(grid, collect(grid).table), "scenes")
    [found] = dots(figure.axes[0]).values()
    np.testing.assert_allclose(found, [[55, 0]])


def test_pseudo_masks_by_stage(project):
    rows = [
        *(
            ("scenes", "three_stage", "n10", "first", 0.40),
            ("scenes", "two_stage", "n10", "x", 0.5),
        ),
        *(
            ("scenes", "three_stage", "n10", "second", 0.45),
            ("scenes", "two_stage", "n20", "x", 0.6),
        ),
    ]
    names = ["dataset", "method", "fraction", "stage", "miou_mean"]
    table = pd.DataFrame(rows, columns=names).assign(miou_std=0.01, seeds=1, seeds_requested=2)
    grid = requested(methods=["two_stage", "three_stage"], fractions=["n10", "n20"])
    figure = pseudo_masks_figure(grid, table)
    [axes] = figure.axes
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown == ["three_stage: first", "two_stage: x", "three_stage: second"]
    few, many = dots(axes).values()
    np.testing.assert_allclose(few[:, 0], [40, 50, 45])
    np.testing.assert_allclose(many[:, 0], [60])
    assert round(many[0, 1]) == 1
    assert "Incomplete: some means" in " ".join(text.get_text() for text in figure.texts)


def test_nothing_overlaps(project):
    classes = {"scenes": [f"a class with a long name {i}" for i in range(12)]}
    grid = requested(
        title="A long title " * 8,
        methods=[f"method_{i}" for i in range(7)],
        fractions=["n10", "n20", "n40", "n80", "n160"],
    )
    write_grid(grid, classes)
    figure = class_iou(grid, summary(grid, collect(grid).table), "scenes")
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    boxes += [text.get_window_extent() for text in figure.texts]
    assert_apart(boxes, figure.bbox)
