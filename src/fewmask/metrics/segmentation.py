"""How good predicted masks are: confusion matrices on the device, and the figures that follow.

One confusion matrix per image says all that is needed. `scores` pools the pixels of all images,
as is usual for scenes; `image_scores` takes every image by itself, as paired tests need;
`class_scores` takes every class by itself. With h pixels of a class hit, t of them in the truth and
p in the prediction:

    iou = h / (t + p - h)    recall = h / t    precision = h / p    f1 = 2 h / (t + p)

The recall of a class is what papers also call its accuracy, or class accuracy.

A class counts where it occurs in the truth or in the prediction; of its figures those that would be
0 / 0 are 0 (scikit-learn's `average="macro", zero_division=0`). The background is a class like any
other. Where no pixel is labelled there is nothing to measure, and every figure is NaN.

Importing this module does not import torch, for the reports have no need of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fewmask import IGNORE
from fewmask.metrics.geometry import TASK_METRICS

if TYPE_CHECKING:
    from torch import Tensor

METRICS = {
    "miou": True,
    "pixel_accuracy": True,
    "class_accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "dice": True,
    "loss": False,
}
"""What a model can be selected by, and whether higher is better: the names of `scores`, and `loss`,
the loss on the validation images."""

LOSSES = ("cross_entropy", "focal_loss", "dice_loss")
"""On the test images, see `fewmask.metrics.pooled_losses`: not shares, and lower is better."""

TEST_METRICS = (*(name for name in METRICS if name != "loss"), *LOSSES)
"""What a run is judged by on its test images. All but the losses are shares, in [0, 1]."""

UNITS = {
    "depth_absolute_error": "m",
    "depth_relative_error": "",
    "normal_mean_angle": "°",
    "normal_median_angle": "°",
}
"""Of what is neither a share nor a loss."""

OPTIONAL_METRICS = (*TASK_METRICS, "delta_m")
"""Of runs that learn depths or normals; `delta_m` where the experiment names baselines."""

CLASS_FIGURES = ("iou", "precision", "recall", "f1", "dice_loss")
"""What it is judged by class by class."""

CALIBRATION_BINS = 15


def class_figure(name: str) -> tuple[str, str] | None:
    """The figure and the class in a name like ``iou_pet``: (``iou``, ``pet``); else None.

    The class is written exactly as in its dataset, with its capitals and spaces.
    """
    figure = next((one for one in CLASS_FIGURES if name.startswith(f"{one}_")), None)
    return (figure, name.removeprefix(f"{figure}_")) if figure else None


def unit_of(name: str) -> str:
    """What a metric or a class's figure is measured in: ``%`` for shares, which are kept in [0, 1]
    and written in percent, ``m``, ``°``, or nothing."""
    base = _without_class(name)
    return UNITS.get(base, "" if base in (*LOSSES, "loss") else "%")


def is_better_higher(name: str) -> bool:
    """Whether more of a test metric or a class's figure is better."""
    base = _without_class(name)
    return TASK_METRICS.get(base, base not in (*LOSSES, "loss", "delta_m"))


def _without_class(name: str) -> str:
    figure = class_figure(name)
    return figure[0] if figure else name


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


class Counts(NamedTuple):
    """Pixels of every class, each (..., K); what all figures but those of pairs of classes need."""

    hit: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray


def counts(confusion: np.ndarray) -> Counts:
    """The pixels of every class: int (..., K, K) -> (..., K)."""
    hit = np.diagonal(confusion, axis1=-2, axis2=-1)
    return Counts(hit, confusion.sum(axis=-1), confusion.sum(axis=-2))


def class_scores(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Return iou, recall, precision and f1 of every class: int (..., K, K) -> float (..., K).

    Figures are in [0, 1], or NaN for a class that occurs neither in the truth nor in the
    prediction.
    """
    pixels = counts(confusion)
    return {name: class_score(name, pixels) for name in ("iou", "recall", "precision", "f1")}


def class_score(name: str, pixels: Counts) -> np.ndarray:
    """One of what `class_scores` returns, of counts (..., K)."""
    hit, truth, predicted = pixels
    union = truth + predicted - hit
    part, whole = {
        "iou": (hit, union),
        "recall": (hit, truth),
        "precision": (hit, predicted),
        "f1": (2 * hit, truth + predicted),
    }[name]
    # A whole that is empty has no part either: dividing by 1 instead makes 0 of 0 / 0.
    return np.where(union > 0, part / np.maximum(whole, 1), np.nan)


def image_scores(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Return the figures of every image by itself: int (..., K, K) -> float (...), in [0, 1].

    - miou, precision, recall, f1: means over the classes in the image's truth or prediction
    - dice: the same as f1, under the name that the mean over images goes by
    - class_accuracy: mean recall over the classes in the truth alone (balanced accuracy)
    - pixel_accuracy: the share of the labelled pixels that are hit

    All are NaN for an image without a labelled pixel.
    """
    pixels = counts(confusion)
    return {name: image_score(name, pixels) for name in METRICS if name != "loss"}


def image_score(name: str, pixels: Counts) -> np.ndarray:
    """One of what `image_scores` returns, of counts (..., K)."""
    hit, truth, _ = pixels
    if name == "pixel_accuracy":
        return _ratio(hit.sum(axis=-1), truth.sum(axis=-1))
    if name == "class_accuracy":
        return _mean(np.where(truth > 0, class_score("recall", pixels), np.nan))
    return _mean(class_score({"miou": "iou", "dice": "f1"}.get(name, name), pixels))


def scores(confusion: np.ndarray) -> dict[str, float]:
    """Return the figures of a set of images, int (N, K, K), each a float in [0, 1].

    All but one are those of `image_scores` for one image made of the pixels of all. `dice` is,
    as is usual in medicine, the mean over images of each image's macro Dice; it leaves out the
    images without a labelled pixel. All are NaN if no image has one.
    """
    if confusion.ndim != 3:
        raise ValueError(
            f"scores needs one confusion matrix per image, (N, K, K), not {confusion.shape}: "
            "dice cannot be had from the pooled matrix. For the other figures of a single matrix "
            "call image_scores."
        )
    pooled = image_scores(confusion.sum(axis=0))
    pooled["dice"] = _mean(image_scores(confusion)["dice"])
    return {name: float(figure) for name, figure in pooled.items()}


def calibration(wrong: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Return how much a network's confidence is worth, both figures in [0, 1].

    - mean_confidence: of all pixels
    - calibration_error: the expected calibration error (Guo et al., 2017). The pixels are put into
      15 equal bins of confidence, (b / 15, (b + 1) / 15]; the error is the mean over all pixels of
      the distance, in each one's bin, between the mean confidence and the share that is right.

    Both are NaN without a pixel.

    Args:
        wrong, right: int (L,), the pixels that are so, counted by their confidence in L equal
            steps from 0 to 1.
    """
    level, top = np.arange(len(right)), len(right) - 1
    confidence = (wrong + right) * level / top
    bins = np.maximum(-(-level * CALIBRATION_BINS // top) - 1, 0)
    distance = np.abs(np.bincount(bins, confidence - right))
    pixels = (wrong + right).sum()
    return {
        "calibration_error": float(_ratio(distance.sum(), pixels)),
        "mean_confidence": float(_ratio(confidence.sum(), pixels)),
    }


def without_nan(figures: dict[str, float]) -> dict[str, float | None]:
    """The figures as JSON can hold them: what could not be measured is None."""
    return {name: None if np.isnan(value) else value for name, value in figures.items()}


def _mean(figures: np.ndarray) -> np.ndarray:
    """Return the mean along the last axis of what is not NaN; of nothing, NaN without a warning."""
    known = ~np.isnan(figures)
    return _ratio(np.where(known, figures, 0).sum(axis=-1), known.sum(axis=-1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return part / whole
