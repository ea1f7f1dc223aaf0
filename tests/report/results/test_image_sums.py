"""Metrics of sets of images are those that an evaluation gives for them."""

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.metrics import table
from fewmask.metrics.counts import counts
from fewmask.metrics.segmentation import class_scores, scores
from fewmask.report.results.image_sums import ImageCounts, of_samples, read_images, sums_for
from tests.report.synthetic_runs import write_images

CLASSES = ("wall", "Ginger cat", "box")


@pytest.fixture
def matrices():
    """Confusion matrices of 20 images with 3 classes, one of them without a labelled pixel."""
    random = np.random.default_rng(0)
    matrices = random.integers(0, 50, (20, 3, 3))
    matrices[3] = 0
    matrices[4, 2] = matrices[4, :, 2] = 0
    return matrices


def images_of(matrices):
    names = tuple(f"image_{i}" for i in range(len(matrices)))
    return ImageCounts(names, ("",) * len(names), CLASSES, counts(matrices.astype(np.float32)))


@pytest.mark.parametrize("metric", ["miou", "pixel_accuracy", "class_accuracy", "f1", "dice"])
def test_a_metric_of_samples_is_that_of_the_images_put_together(metric, matrices):
    sums = sums_for(metric, images_of(matrices))
    assert sums.of_all() == pytest.approx(scores(matrices)[metric])
    chosen = np.random.default_rng(1).integers(0, 20, (5, 20))
    samples = np.array([np.bincount(row, minlength=20) for row in chosen], np.float32)
    expected = [scores(matrices[row])[metric] for row in chosen]
    np.testing.assert_allclose(of_samples([sums], samples), [expected], rtol=1e-6)


def test_runs_are_kept_apart(matrices):
    runs = [
        sums_for("miou", images_of(one)) for one in (matrices, matrices.transpose(0, 2, 1)[::-1])
    ]
    samples = np.eye(20)[::3]
    expected = [of_samples([one], samples)[0] for one in runs]
    np.testing.assert_array_equal(of_samples(runs, samples), expected)


def test_metrics_of_classes_are_pooled(matrices):
    sums = sums_for("iou_Ginger cat", images_of(matrices))
    assert sums.of_all() == pytest.approx(class_scores(matrices.sum(axis=0))["iou"][1])
    assert sums_for("iou_ball", images_of(matrices)) is None


@pytest.mark.parametrize("metric", ["miou", "dice", "recall_box"])
def test_without_a_labelled_pixel_a_metric_is_undefined(metric, matrices):
    assert np.isnan(sums_for(metric, images_of(0 * matrices)).of_all())


def test_what_is_kept_of_images():
    kept = [*("miou", "dice", "iou_pet", "f1_Ginger cat")]
    lost = ["focal_loss", "dice_loss", "dice_loss_pet", "delta_m", "depth_absolute_error"]
    assert [name for name in [*kept, *lost] if table.find(name).can_be_resampled] == kept


def test_a_table_is_read(tmp_path):
    write_images(tmp_path / "0.csv", [0.5, None])
    images = read_images(tmp_path / "0.csv", 2, ["wall", "box"])
    assert images.names == ("image_0", "image_1")
    assert images.classes == ("wall", "box")
    assert images.counts.hit.tolist() == [[66667, 66667], [0, 0]]


HEADER = "name,row,group,miou,hit_wall,hit_box,truth_wall,truth_box,predicted_wall,predicted_box\n"
GOOD = "a,0,,0.5,4,2,5,3,5,3\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "No such file"),
        ("", "it is empty"),
        (HEADER + GOOD, "found 1 images, expected 2"),
        (HEADER + GOOD + GOOD, "a is in it twice"),
        (HEADER + GOOD + GOOD.replace("a,", "b,").replace("4", "-4"), "pixels of b do not add up"),
        (HEADER + GOOD + GOOD.replace("a,", "b,").replace("4", "6"), "pixels of b do not add up"),
        (HEADER + GOOD + "b,1,,0.5,4,2,5,3,5,2\n", "pixels of b do not add up"),
        (HEADER + GOOD + "b,1,,0.5,4,2,5,3,5,2.5\n", "whole numbers"),
        (HEADER + GOOD + "b,1,,0.5,4,2,5\n", "line 3 has 7 fields"),
        (HEADER + GOOD + "b,1,,0.5,4,x,5,3,5,3\n", "whole numbers"),
        (HEADER + GOOD + 2 * GOOD[:-1] + "\n", "fields"),
        (HEADER + 2 * (GOOD[:-1] + ",7\n"), "line 2 has 11 fields, and its header 10"),
        ("name,row,group\na,1,\n", "without the columns hit_wall, hit_box, truth_wall"),
        ("name,group,hit_a\nx,,1\n", "without the columns hit_wall"),
        (
            HEADER.replace("truth_box,", "") + "a,0,,0.5,4,2,5,5,3\n",
            "without the columns truth_box",
        ),
        (HEADER[:-1] + ",hit_cone\n" + GOOD[:-1] + ",1\n", "with the unknown columns hit_cone"),
        (HEADER.replace("wall", "w").replace("box", "wall").replace("_w,", "_box,"), "expected"),
        (b"name\xff\x00", ""),
    ],
)
def test_damaged_tables_are_named_with_what_is_wrong(text, found, tmp_path):
    path = tmp_path / "0.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FewmaskError) as error:
        read_images(path, 2, ["wall", "box"])
    assert str(error.value).startswith(f"{path}: not the test images of this run: ")
    assert found in str(error.value)
    assert "delete the .json beside it and run the workflow again" in str(error.value)
