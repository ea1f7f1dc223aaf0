"""The cases figure: a run's own worst and median images."""

import numpy as np

from fewmask.report.figures.cases import cases
from fewmask.report.results.runs import collect
from tests.report.synthetic_runs import (
    assert_apart,
    changed_examples,
    requested,
    tiles,
    write_examples,
    write_run,
)

CHOICES = ["fixed", "worst", "worst", "worst", "median", "median", "median"]


def write_cases(method, fraction, masks, mious):
    path = write_run(method=method, fraction=fraction, labelled=masks)
    names = [f"{method}_{fraction}_{why}_{i}" for i, why in enumerate(CHOICES)]
    examples = path.with_suffix(".examples.h5")
    write_examples(examples, names=names, extents=[(16, 24)] * 7)
    with changed_examples(examples) as file:
        del file["choice"], file["segmentation_value"]
        file["choice"], file["segmentation_value"] = CHOICES, np.array(mious)


def texts_of(figure):
    return [text.get_text() for text in figure.texts]


def test_two_worst_and_two_median_images_of_every_run(project):
    mious = [0.9, 0.11, 0.12, 0.13, 0.51, 0.52, 0.53]
    for fraction, masks in {"n10": 10, "n20": 20, "n40": 40}.items():
        write_cases("a", fraction, masks, mious)
    grid = requested(methods=["a"], fractions=["n10", "n20", "n40"])
    figure = cases(grid, collect(grid).table, "scenes")
    texts = texts_of(figure)
    assert "a, 10 masks, seed 0" in texts
    assert "a, 40 masks, seed 0" in texts
    assert "a, 20 masks, seed 0" not in texts, "only the ends"
    assert [text for text in texts if text.isdigit()] == ["11", "12", "51", "52"] * 2
    # Three tiles a case: image, truth, prediction.
    assert len(tiles(figure)) == 2 * 4 * 3
    assert "not counted" not in texts or "wall" in texts
    figure.draw_without_rendering()
    boxes = [tile.get_window_extent() for tile in tiles(figure)]
    assert_apart(boxes + [text.get_window_extent() for text in figure.texts], figure.bbox)


def test_a_run_without_images_of_its_own_has_no_row(project):
    write_cases("a", "n10", 10, [0.9, 0.1, 0.2, 0.3, 0.5, 0.5, 0.5])
    path = write_run(method="b")
    with changed_examples(path.with_suffix(".examples.h5")) as file:
        del file["choice"]
        file["choice"] = ["fixed"] * 3
    grid = requested(methods=["a", "b"])
    texts = texts_of(cases(grid, collect(grid).table, "scenes"))
    assert "a, 10 masks, seed 0" in texts
    assert "b, 10 masks, seed 0" not in texts
