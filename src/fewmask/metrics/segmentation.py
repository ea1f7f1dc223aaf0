"""How good predicted masks are: confusion matrices on the device, and the metrics that follow.

One confusion matrix per image says all that is needed. `scores` pools the pixels of all images,
as is usual for scenes; `image_scores` takes every image by itself, as paired tests need;
`class_scores` takes every class by itself. With h pixels of a class hit, t of them in the truth and
p in the prediction:

    iou = h / (t + p - h)    recall = h / t    precision = h / p    f1 = 2 h / (t + p)

The recall of a class is what papers also call its accuracy, or class accuracy.

A class counts where it occurs in the truth or in the prediction; of its metrics those that would be
0 / 0 are 0 (scikit-learn's `average="macro", zero_division=0`). The background is a class like any
other. Where no pixel is labelled there is nothing to measure, and every metric is NaN.

Importing this module does not import torch, for the reports have no need of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fewmask import IGNORE
from fewmask.metrics.counts import Counts, counts
from fewmask.metrics.errors import Errors
from fewmask.metrics.table import Metric, class_metrics, counted, register

if TYPE_CHECKING:
    from torch import Tensor


def confusion(prediction: Tensor, mask: Tensor, classes: int) -> Tensor:
    """Count the pixels of every (true class, predicted class) pair, image by image.

    Args:
        prediction: integer (N, H, W), in [0, K); where the mask says `IGNORE` it may be anything.
        mask: integer (N, H, W), in [0, K), or `IGNORE`.
        classes: K.

    Returns:
        int64 (N, K, K), rows the truth, columns the prediction, on the device of the mask.
    """
    truth = mask.long()
    # Ignored pixels are counted in cell 0, which is dropped. Selecting the others, like `bincount`,
    # would make the host wait for the device to learn a size.
    cell = (1 + classes * truth + prediction).masked_fill(truth == IGNORE, 0).flatten(1)
    counts = cell.new_zeros(len(cell), 1 + classes**2)
    counts.scatter_add_(1, cell, cell.new_ones(()).expand_as(cell))
    return counts[:, 1:].unflatten(1, (classes, classes))


class MaskErrors(Errors):
    """Confusion matrices of predicted masks, one per image."""

    def __init__(self) -> None:
        # Left on the device, so that the host need not wait for it.
        self._matrices: list[Tensor] = []

    def add(self, prediction: Tensor, truth: Tensor) -> None:
        """Add a batch: logits float (N, K, H, W), masks int64 (N, H, W) with `IGNORE`."""
        self._matrices.append(self._confusion(prediction, truth))

    def join(self, parts: int) -> None:
        """Make one image of parts: their pixels add up."""
        self._matrices[-parts:] = [sum(self._matrices[-parts:])]

    def _confusion(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """The confusion matrices of a batch, int64 (N, K, K)."""
        return confusion(prediction.argmax(dim=1), truth, prediction.shape[1])

    @property
    def matrices(self) -> np.ndarray:
        """int64 (P, K, K), rows the truth."""
        return np.concatenate([one.cpu().numpy() for one in self._matrices])

    def scores(self) -> dict[str, float]:
        """The metrics of all images together."""
        return scores(self.matrices)

    def image_scores(self) -> dict[str, np.ndarray]:
        """The metrics of every image."""
        return image_scores(self.matrices)

    def class_scores(self) -> dict[str, np.ndarray]:
        """The metrics of every class."""
        return class_scores(self.matrices.sum(axis=0))

    def class_pixels(self) -> dict[str, np.ndarray]:
        """Pixels that are hit, in the truth and in the prediction."""
        return counts(self.matrices)._asdict()


def class_scores(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Return iou, precision, recall and f1 of every class: int (..., K, K) -> float (..., K).

    They are in [0, 1], or NaN for a class that occurs neither in the truth nor in the prediction.
    """
    pixels = counts(confusion)
    metrics = [metric for metric in class_metrics() if metric.class_from_counts]
    return {metric.name: metric.class_from_counts(pixels) for metric in metrics}


def image_scores(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Return the metrics of every image by itself: int (..., K, K) -> float (...), in [0, 1].

    - miou, precision, recall, f1: means over the classes in the image's truth or prediction
    - dice: the same as f1, under the name that the mean over images goes by
    - class_accuracy: mean recall over the classes in the truth alone (balanced accuracy)
    - pixel_accuracy: the share of the labelled pixels that are hit

    All are NaN for an image without a labelled pixel.
    """
    pixels = counts(confusion)
    return {metric.name: metric.from_counts(pixels) for metric in counted()}


def scores(confusion: np.ndarray) -> dict[str, float]:
    """Return the metrics of a set of images, int (N, K, K), each a float in [0, 1].

    All but one are those of `image_scores` for one image made of the pixels of all. `dice` is,
    as is usual in medicine, the mean over images of each image's macro Dice; it leaves out the
    images without a labelled pixel. All are NaN if no image has one.
    """
    if confusion.ndim != 3:
        raise ValueError(
            f"scores needs one confusion matrix per image, (N, K, K), not {confusion.shape}: "
            "dice cannot be had from the pooled matrix. For the other metrics of a single matrix "
            "call image_scores."
        )
    of_images, pooled = counts(confusion), counts(confusion.sum(axis=0))
    return {
        metric.name: float(
            mean_of_known(metric.from_counts(of_images))
            if metric.mean_over_images
            else metric.from_counts(pooled)
        )
        for metric in counted()
    }


def _iou(pixels: Counts) -> np.ndarray:
    union = _union(pixels)
    return _share(union > 0, pixels.hit, union)


def _recall(pixels: Counts) -> np.ndarray:
    return _share(_union(pixels) > 0, pixels.hit, pixels.truth)


def _precision(pixels: Counts) -> np.ndarray:
    return _share(_union(pixels) > 0, pixels.hit, pixels.predicted)


def _f1(pixels: Counts) -> np.ndarray:
    return _share(_union(pixels) > 0, 2 * pixels.hit, pixels.truth + pixels.predicted)


def _share(occurs: np.ndarray, part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole`` of every class (..., K); NaN for one that occurs nowhere."""
    # A whole that is empty has no part either: dividing by 1 instead makes 0 of 0 / 0.
    return np.where(occurs, part / np.maximum(whole, 1), np.nan)


def _union(pixels: Counts) -> np.ndarray:
    return pixels.truth + pixels.predicted - pixels.hit


def _pixel_accuracy(pixels: Counts) -> np.ndarray:
    return ratio(pixels.hit.sum(axis=-1), pixels.truth.sum(axis=-1))


def _class_accuracy(pixels: Counts) -> np.ndarray:
    return mean_of_known(np.where(pixels.truth > 0, _recall(pixels), np.nan))


def _mean_over_classes(
    of_classes: Callable[[Counts], np.ndarray],
) -> Callable[[Counts], np.ndarray]:
    return lambda pixels: mean_of_known(of_classes(pixels))


def _of_classes(name: str, title: str, values: Callable[[Counts], np.ndarray]) -> Metric:
    """A metric of every class, and as the mean over them."""
    return Metric(
        name,
        title,
        from_counts=_mean_over_classes(values),
        of_classes=True,
        class_from_counts=values,
    )


ALL = ("validation", "test", "pseudo_masks")

register(
    Metric("iou", "IoU", measured_on=(), of_classes=True, class_from_counts=_iou),
    Metric("miou", "mIoU", measured_on=ALL, from_counts=_mean_over_classes(_iou), in_delta_m=True),
    Metric(
        "pixel_accuracy",
        "Pixel accuracy",
        measured_on=ALL,
        from_counts=_pixel_accuracy,
        in_delta_m=True,
    ),
    Metric("class_accuracy", "Class accuracy", measured_on=ALL, from_counts=_class_accuracy),
    _of_classes("precision", "Precision", _precision),
    _of_classes("recall", "Recall", _recall),
    _of_classes("f1", "F1", _f1),
    Metric("dice", "Dice", from_counts=_mean_over_classes(_f1), mean_over_images=True),
)


def without_nan(metrics: dict[str, float]) -> dict[str, float | None]:
    """The metrics as JSON can hold them: what could not be measured is None."""
    return {name: None if np.isnan(value) else value for name, value in metrics.items()}


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean along the last axis of what is not NaN; of nothing, NaN without a warning."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN without a warning where both are 0."""
    with np.errstate(invalid="ignore"):
        return part / whole
