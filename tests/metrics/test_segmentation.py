"""The values agree with scikit-learn's, and do as they say where a class or a label is missing."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from fewmask import IGNORE
from fewmask.core.errors import FewmaskError
from fewmask.metrics import table
from fewmask.metrics.calibration import calibration
from fewmask.metrics.segmentation import (
    class_scores,
    confusion,
    image_scores,
    scores,
)

unhurried = settings(max_examples=50)
MACRO = {"average": "macro", "zero_division": 0}


@st.composite
def batches(draw):
    """Masks and predictions of up to five images, with classes absent here and there."""
    classes = draw(st.integers(1, 6))
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Each side draws from classes of its own, so that some occur only in one, and some in neither.
    sides = [random.choice(classes, random.integers(1, classes + 1)) for _ in range(2)]
    mask, prediction = (torch.from_numpy(random.choice(side, shape)) for side in sides)
    ignored = torch.from_numpy(random.random(shape) < draw(st.sampled_from([0, 0.3, 0.9])))
    return prediction, mask.masked_fill(ignored, IGNORE).to(torch.uint8), classes


def reference(prediction, mask):
    """What scikit-learn makes of the labelled pixels of an image, or of several as one."""
    labelled = mask != IGNORE
    y = mask[labelled].numpy(), prediction[labelled].numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It warns of every class that only one side has.
        f1 = sklearn_metrics.f1_score(*y, **MACRO)
        return {
            "miou": sklearn_metrics.jaccard_score(*y, **MACRO),
            "pixel_accuracy": sklearn_metrics.accuracy_score(*y),
            "class_accuracy": sklearn_metrics.balanced_accuracy_score(*y),
            "precision": sklearn_metrics.precision_score(*y, **MACRO),
            "recall": sklearn_metrics.recall_score(*y, **MACRO),
            "f1": f1,
            "dice": f1,
        }


def assert_all_nan(values):
    assert np.isnan(list(values.values())).all()


@unhurried
@given(batches())
def test_each_image_agrees_with_scikit_learn(batch):
    prediction, mask, _ = batch
    values = image_scores(confusion(*batch).numpy())
    for i in range(len(mask)):
        mine = {name: value[i] for name, value in values.items()}
        if (mask[i] == IGNORE).all():
            assert_all_nan(mine)
        else:
            assert mine == pytest.approx(reference(prediction[i], mask[i]), abs=1e-6)


@unhurried
@given(batches())
def test_all_images_together_agree_with_scikit_learn(batch):
    prediction, mask, _ = batch
    values = scores(confusion(*batch).numpy())
    labelled = [i for i in range(len(mask)) if (mask[i] != IGNORE).any()]
    if not labelled:
        assert_all_nan(values)
        return
    dices = [reference(prediction[i], mask[i])["dice"] for i in labelled]
    expected = reference(prediction, mask) | {"dice": np.mean(dices)}
    assert values == pytest.approx(expected, abs=1e-6)


@unhurried
@given(batches())
def test_each_class_agrees_with_scikit_learn(batch):
    prediction, mask, classes = batch
    values = class_scores(confusion(*batch).numpy().sum(axis=0))
    y = mask[mask != IGNORE].numpy(), prediction[mask != IGNORE].numpy()
    occurring = np.union1d(*y)
    for name, function in {
        "iou": sklearn_metrics.jaccard_score,
        "recall": sklearn_metrics.recall_score,
        "precision": sklearn_metrics.precision_score,
        "f1": sklearn_metrics.f1_score,
    }.items():
        expected = np.full(classes, np.nan)
        if len(occurring):
            expected[occurring] = function(*y, labels=occurring, average=None, zero_division=0)
        np.testing.assert_allclose(values[name], expected, atol=1e-6)


@unhurried
@given(batches())
def test_what_is_predicted_on_ignored_pixels_has_no_influence(batch):
    prediction, mask, classes = batch
    for other in (0, classes - 1, IGNORE, -1):
        changed = prediction.where(mask != IGNORE, other)
        assert torch.equal(confusion(changed, mask, classes), confusion(*batch))


@unhurried
@given(batches(), st.data())
def test_the_order_of_images_has_no_influence(batch, data):
    matrices = confusion(*batch).numpy()
    order = data.draw(st.permutations(range(len(matrices))))
    assert scores(matrices[order]) == pytest.approx(scores(matrices), abs=1e-12, nan_ok=True)


@unhurried
@given(batches(), st.data())
def test_batches_give_what_the_whole_gives(batch, data):
    prediction, mask, classes = batch
    cut = data.draw(st.integers(0, len(mask)))
    parts = [
        confusion(prediction[part], mask[part], classes) for part in (slice(cut), slice(cut, None))
    ]
    assert torch.equal(torch.cat(parts), confusion(*batch))


@unhurried
@given(batches())
def test_a_perfect_prediction_scores_one(batch):
    _, mask, classes = batch
    mask[0, 0, 0] = 0  # at least one labelled pixel
    values = scores(confusion(mask, mask, classes).numpy())
    assert values == pytest.approx(dict.fromkeys(values, 1))


@pytest.fixture
def by_hand():
    """Two images of 2 x 2 pixels, and four classes, of which 3 occurs nowhere."""
    mask = torch.tensor([[[0, 0], [0, 1]], [[1, 1], [IGNORE, IGNORE]]], dtype=torch.uint8)
    prediction = torch.tensor([[[0, 0], [1, 1]], [[1, 2], [2, 0]]])
    return confusion(prediction, mask, classes=4)


def test_confusion_by_hand(by_hand):
    first = [[2, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    second = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert by_hand.dtype == torch.int64
    assert by_hand.tolist() == [first, second]


def test_figures_by_hand(by_hand):
    # Pooled:      hit  truth  predicted    iou  recall  precision   f1
    #   class 0      2      3          2    2/3     2/3          1  4/5
    #   class 1      2      3          3    1/2     2/3        2/3  2/3
    #   class 2      0      0          1      0       0          0    0   (in no truth)
    #   class 3      0      0          0                                  (does not count)
    # Dice of the first image:  class 0: 4/5, class 1: 2/3         -> 11/15
    # Dice of the second image: class 1: 2/3, class 2: 0           -> 1/3
    assert scores(by_hand.numpy()) == pytest.approx(
        {
            "miou": (2 / 3 + 1 / 2 + 0) / 3,
            "pixel_accuracy": 4 / 6,
            "class_accuracy": (2 / 3 + 2 / 3) / 2,
            "precision": (1 + 2 / 3 + 0) / 3,
            "recall": (2 / 3 + 2 / 3 + 0) / 3,
            "f1": (4 / 5 + 2 / 3 + 0) / 3,
            "dice": (11 / 15 + 1 / 3) / 2,
        }
    )
    assert image_scores(by_hand.numpy())["dice"] == pytest.approx([11 / 15, 1 / 3])


def test_a_class_that_occurs_nowhere_has_no_figure(by_hand):
    for value in class_scores(by_hand.numpy().sum(axis=0)).values():
        assert np.isnan(value).tolist() == [False, False, False, True]


@pytest.mark.filterwarnings("error")
def test_a_image_without_labels_is_left_out(by_hand):
    nothing = torch.zeros_like(by_hand[:1])
    assert scores(torch.cat([by_hand, nothing]).numpy()) == scores(by_hand.numpy())
    assert_all_nan(scores(nothing.numpy()))
    assert_all_nan(image_scores(nothing.numpy()))
    assert_all_nan(scores(nothing[:0].numpy()))


def test_dice_is_not_guessed_from_a_pooled_matrix(by_hand):
    with pytest.raises(ValueError, match="one confusion matrix per image"):
        scores(by_hand.numpy().sum(axis=0))


def test_a_label_beyond_the_classes_is_an_error():
    mask = torch.full((1, 2, 2), 3, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="out of bounds"):
        confusion(torch.zeros(1, 2, 2, dtype=torch.int64), mask, classes=3)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_integers_of_any_kind_do(by_hand, dtype):
    image = torch.full((1, 30, 30), 20, dtype=dtype)  # 20 x 21 is more than a uint8 holds
    assert confusion(image, image, classes=21)[0, 20, 20] == 900


def test_confusion_never_waits_for_the_device():
    # A meta tensor has no values: whatever the host would read from the device fails on it.
    image = torch.zeros(2, 4, 4, dtype=torch.uint8, device="meta")
    assert confusion(image, image, classes=3).shape == (2, 3, 3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_counts_as_a_cpu_does():
    prediction = torch.randint(0, 5, (3, 64, 64))
    mask = torch.randint(0, 5, (3, 64, 64), dtype=torch.uint8)
    mask[:, :9] = IGNORE
    on_gpu = confusion(prediction.cuda(), mask.cuda(), classes=5)
    assert on_gpu.is_cuda
    assert torch.equal(on_gpu.cpu(), confusion(prediction, mask, classes=5))


def test_every_score_is_a_metric(by_hand):
    names, losses = list(scores(by_hand.numpy())), ["cross_entropy", "focal_loss", "dice_loss"]
    assert table.names(table.measured_on("validation", "segmentation")) == names
    assert table.names(table.measured_on("test", "segmentation")) == [*names, *losses]
    of_classes = [*class_scores(by_hand.numpy()), "dice_loss"]
    assert table.names(table.class_metrics()) == of_classes


@pytest.mark.parametrize(
    ("name", "title", "of_class", "unit", "higher"),
    [
        ("iou_pet", "IoU of pet", "pet", "%", True),
        ("dice_loss_Ginger cat", "Dice loss of Ginger cat", "Ginger cat", "", False),
        ("f1_dice_loss", "F1 of dice_loss", "dice_loss", "%", True),
        ("miou", "mIoU", "", "%", True),
        ("dice_loss", "Dice loss", "", "", False),
        ("loss", "Loss", "", "", False),
        ("depth_absolute_error", "Depth abs. error", "", "m", False),
        ("depth_relative_error", "Depth rel. error", "", "", False),
        ("normal_median_angle", "Normal median angle", "", "°", False),
        ("normal_within_22_5", "Normals < 22.5°", "", "%", True),
        ("delta_m", "Δm", "", "%", False),
    ],
)
def test_the_table_says_what_a_metric_is(name, title, of_class, unit, higher):
    metric = table.find(name)
    assert (metric.name, metric.title, metric.of_class) == (name, title, of_class)
    assert (metric.unit, metric.higher_is_better) == (unit, higher)


@pytest.mark.parametrize("name", ["", "mioU", "iou_", "pet", "miou_pet", "cross_entropy_pet"])
def test_an_unknown_name_is_an_error(name):
    with pytest.raises(FewmaskError, match=f"there is no metric {name}\n  known: iou, miou"):
        table.find(name)


def test_importing_does_not_import_torch():
    code = "import sys, fewmask.metrics.segmentation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_calibration_of_a_case_by_hand():
    wrong, right = np.zeros((2, 256), int)
    right[255], wrong[255] = 6, 2  # confidence 1 in the last bin, 3/4 right
    right[17] = 1  # confidence 1/15 is the upper end of the first bin,
    wrong[0] = 1  # which 0 is in as well: mean confidence 1/30, half right
    values = calibration(wrong, right)
    assert values["calibration_error"] == pytest.approx(0.8 * 0.25 + 0.2 * (1 / 2 - 1 / 30))
    assert values["mean_confidence"] == pytest.approx((8 + 1 / 15) / 10)


def test_calibration_of_nothing_is_nan():
    assert np.isnan(list(calibration(*np.zeros((2, 256), int)).values())).all()
