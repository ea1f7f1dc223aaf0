"""Metrics of sets of pictures are those that an evaluation gives for them."""

import numpy as np
import pytest

from fewmask.errors import FewmaskError
from fewmask.metrics import class_scores, counts, scores
from fewmask.report.picture_sums import Pictures, knows, read_pictures, sums_for
from tests.report.synthetic_runs import write_pictures

CLASSES = ("wall", "Ginger cat", "box")


@pytest.fixture
def matrices():
    """Confusion matrices of 20 pictures with 3 classes, one of them without a labelled pixel."""
    random = np.random.default_rng(0)
    matrices = random.integers(0, 50, (20, 3, 3))
    matrices[3] = 0
    matrices[4, 2] = matrices[4, :, 2] = 0
    return matrices


def pictures_of(matrices):
    names = tuple(f"picture_{i}" for i in range(len(matrices)))
    return Pictures(names, CLASSES, counts(matrices.astype(np.float32)))


@pytest.mark.parametrize("metric", ["miou", "pixel_accuracy", "class_accuracy", "f1", "dice"])
def test_a_metric_of_samples_is_that_of_the_pictures_put_together(metric, matrices):
    sums = sums_for(metric, pictures_of(matrices))
    assert sums.of_all() == pytest.approx(scores(matrices)[metric])
    chosen = np.random.default_rng(1).integers(0, 20, (5, 20))
    samples = np.array([np.bincount(row, minlength=20) for row in chosen], np.float32)
    expected = [scores(matrices[row])[metric] for row in chosen]
    np.testing.assert_allclose(sums.of_samples(samples), expected, rtol=1e-6)


def test_figures_of_classes_are_pooled(matrices):
    sums = sums_for("iou_Ginger cat", pictures_of(matrices))
    assert sums.of_all() == pytest.approx(class_scores(matrices.sum(axis=0))["iou"][1])
    assert sums_for("iou_ball", pictures_of(matrices)) is None


@pytest.mark.parametrize("metric", ["miou", "dice", "recall_box"])
def test_without_a_labelled_pixel_a_metric_is_undefined(metric, matrices):
    assert np.isnan(sums_for(metric, pictures_of(0 * matrices)).of_all())


def test_what_is_kept_of_pictures():
    assert all(map(knows, ["miou", "dice", "iou_pet", "f1_Ginger cat"]))
    assert not any(map(knows, ["focal_loss", "dice_loss", "dice_loss_pet", "delta_m"]))
    assert not knows("depth_absolute_error")


def test_a_table_is_read(tmp_path):
    write_pictures(tmp_path / "0.csv", [0.5, None])
    pictures = read_pictures(tmp_path / "0.csv")
    assert pictures.names == ("picture_0", "picture_1")
    assert pictures.classes == ("wall", "box")
    assert pictures.counts.hit.tolist() == [[66667, 66667], [0, 0]]


@pytest.mark.parametrize("text", [None, "", "name,row\na,1\n", "name,hit_a\nx,1\n"])
def test_damaged_tables_are_named(text, tmp_path):
    path = tmp_path / "0.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FewmaskError, match=r"0\.csv: not the test pictures of a run"):
        read_pictures(path)
