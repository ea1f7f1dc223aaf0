"""Training curves show the histories of stages."""

from pathlib import Path

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.report.figures.training_curves import training_curves
from fewmask.report.results.histories import TrainedStage, histories
from fewmask.report.results.runs import collect
from tests.report.synthetic_runs import (
    assert_apart,
    requested,
    write_history,
    write_run,
    write_training,
)

CELL = "scenes/supervised/{}/{}/supervised"


def write_grid(fractions, seeds, shared=None):
    """Runs of one stage each, after a shared one if there is any."""
    random = np.random.default_rng(0)
    for fraction in fractions:
        for seed in seeds:
            parts = [write_history(CELL.format(fraction, seed), random.uniform(0.2, 0.6, 4))]
            if shared:
                parts.insert(0, write_history(shared.format(seed), [0.9, 0.3, 0.5], "loss"))
            costs, settings = zip(*parts, strict=True)
            write_run(fraction=fraction, seed=seed, stages=costs, trainings=settings)


def drawn(grid):
    found = histories(grid.results, collect(grid).trainings, "scenes")
    return training_curves(grid, "scenes", found), found


def lines(axes):
    """The points of every training; those of a fraction are one line with gaps."""
    joined = [one.get_xydata() for one in axes.lines]
    return [
        points[part]
        for points in joined
        for part in np.ma.clump_unmasked(np.ma.masked_invalid(points[:, 0]))
    ]


def test_lines_are_the_histories_and_dots_the_weights_that_were_kept(project):
    grid = requested(fractions=["n10", "n20"], seeds=[0, 1])
    write_grid(grid.fractions, grid.seeds)
    figure, found = drawn(grid)
    loss, validation = figure.axes
    assert len(found) == len(lines(loss)) == 4
    for history, left, right in zip(found, lines(loss), lines(validation), strict=True):
        np.testing.assert_array_equal(left.T, [history.evaluations[c] for c in ("step", "loss")])
        np.testing.assert_allclose(right[:, 1], 100 * history.evaluations["validation"])
        assert (
            history.selected
            == history.evaluations["step"][history.evaluations["validation"].argmax()]
        )
    dots = [dot for one in validation.collections for dot in one.get_offsets()]
    kept = [(one.selected, 100 * one.evaluations["validation"].max()) for one in found]
    np.testing.assert_allclose(dots, kept)
    assert validation.get_ylabel() == "Validation mIoU (%)"


def test_a_stage_that_fractions_share_is_drawn_once_and_selected_by_its_lowest_loss(project):
    grid = requested(fractions=["n10", "n20"], seeds=[0])
    write_grid(grid.fractions, grid.seeds, shared="scenes/masked_image/all/{}/pretraining")
    figure, found = drawn(grid)
    assert [one.stage for one in found] == [
        *("masked_image/pretraining", "supervised/supervised", "supervised/supervised")
    ]
    assert found[0].selected == 20
    assert [len(lines(axes)) for axes in figure.axes] == [1, 1, 2, 2]
    assert "shared" in [text.get_text() for text in figure.texts]
    assert figure.axes[1].get_ylabel() == "Validation loss"
    np.testing.assert_allclose(lines(figure.axes[1])[0][:, 1], [0.9, 0.3, 0.5])


def test_a_folder_that_was_removed_leaves_no_line(project):
    write_run(stages=[{"seconds": 1.0, "cell": CELL.format("n10", 0)}])
    figure, found = drawn(requested())
    assert found == []
    assert lines(figure.axes[0]) == []


def test_a_stage_that_is_judged_in_two_ways_has_a_row_for_each(project):
    found = []
    for fraction, metric in {"n10": "miou", "n20": "loss"}.items():
        write_history(CELL.format(fraction, 0), [0.25, 0.5], metric)
        training = TrainedStage(CELL.format(fraction, 0), metric)
        found += histories("results", [training], "scenes")
    figure = training_curves(requested(fractions=["n10", "n20"]), "scenes", found)
    labels = [axes.get_ylabel() for axes in figure.axes[1::2]]
    assert labels == ["Validation mIoU (%)", "Validation loss"]
    assert [lines(axes)[0][0, 1] for axes in figure.axes[1::2]] == [25, 0.25]


def test_a_single_evaluation_is_a_dot(project):
    grid = requested(seeds=[0, 1])
    for seed, values in enumerate(([0.25, 0.5], [0.75])):
        write_history(CELL.format("n10", seed), values)
    trainings = [TrainedStage(CELL.format("n10", seed), "miou") for seed in grid.seeds]
    found = histories("results", trainings, "scenes")
    [line] = training_curves(grid, "scenes", found).axes[1].lines
    assert line.get_marker() == "."
    np.testing.assert_allclose(line.get_xydata()[line.get_markevery()], [[10, 75]])


def test_without_validation_images(project):
    write_training(CELL.format("n10", 0), "step,loss\n10,0.5\n")
    [found] = histories("results", [TrainedStage(CELL.format("n10", 0), "none")], "scenes")
    assert found.judged_by == ""
    assert found.selected is None
    texts = [
        one.get_text() for one in training_curves(requested(), "scenes", [found]).axes[1].texts
    ]
    assert texts == ["no validation images"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense\n",
        b"step,loss,validation_miou\n",
        b"step,loss,validation_miou\n10,0.5,0.4\n20",
        b"step,loss,validation_miou\n10,0.5,high\n",
        b"step,loss,validation_miou\n10,0.5,0.4\n5,0.4,0.5\n",
        b"step,loss,validation_miou\n10,inf,0.4\n",
        b"step,loss,validation_miou\n1.5,0.5,0.4\n",
        b"step,loss,validation_miou\n10,\xff,0.4\n",
        b"\0\0\0\0",
    ],
)
def test_a_damaged_history_is_named(project, text):
    write_history(CELL.format("n10", 0), [0.5])
    path = Path("results/stages", CELL.format("n10", 0), "history.csv")
    path.write_bytes(text)
    with pytest.raises(FewmaskError, match=r"history\.csv: not the history of a training"):
        histories("results", [TrainedStage(CELL.format("n10", 0), "miou")], "scenes")


def test_nothing_overlaps(project):
    grid = requested(title="A long title " * 8, fractions=["n10", "n20"], seeds=[0, 1])
    write_grid(grid.fractions, grid.seeds, shared="scenes/masked_image/all/{}/pretraining")
    figure, _ = drawn(grid)
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    boxes += [text.get_window_extent() for text in figure.texts]
    assert_apart(boxes, figure.bbox)
