"""How metrics are called and written for people: shares in percent, losses as they are."""

import pandas as pd

from fewmask.metrics import class_figure, is_loss

TITLES = {
    "miou": "mIoU",
    "iou": "IoU",
    "pixel_accuracy": "Pixel accuracy",
    "class_accuracy": "Class accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "dice": "Dice",
    "calibration_error": "Calibration error",
    "cross_entropy": "Cross-entropy",
    "focal_loss": "Focal loss",
    "dice_loss": "Dice loss",
}

NOTHING = "–"


def title(metric: str) -> str:
    """What heads a metric's column: ``mIoU (%)``, ``IoU of pet (%)``, ``Focal loss``."""
    figure = class_figure(metric)
    name = f"{TITLES[figure[0]]} of {figure[1]}" if figure else TITLES[metric]
    return name if is_loss(metric) else f"{name} (%)"


def number(metric: str, value: float | None) -> str:
    """A figure: shares in percent with one decimal, losses with three."""
    if pd.isna(value):
        return NOTHING
    return f"{value:.3f}" if is_loss(metric) else f"{100 * value:.1f}"


def with_spread(metric: str, mean: float | None, std: float | None) -> str:
    """A mean, and its standard deviation if it is known."""
    shown = number(metric, mean)
    return shown if pd.isna(std) else f"{shown} ± {number(metric, std)}"


def best(metric: str, means: pd.Series) -> str:
    """The best mean as it is printed, so that equal figures look equal."""
    return number(metric, means.min() if is_loss(metric) else means.max())
