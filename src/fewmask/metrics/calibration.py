"""How much the confidence of a network is worth."""

import numpy as np

from fewmask.metrics.segmentation import ratio
from fewmask.metrics.table import Metric, register

register(
    Metric("calibration_error", "Calibration error", "%", False, ("pseudo_masks",)),
    Metric("mean_confidence", "Mean confidence", "%", True, ("pseudo_masks",)),
)

BINS = 15


def calibration(wrong: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Return how much a network's confidence is worth, both values in [0, 1].

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
    bins = np.maximum(-(-level * BINS // top) - 1, 0)
    distance = np.abs(np.bincount(bins, confidence - right))
    pixels = (wrong + right).sum()
    return {
        "calibration_error": float(ratio(distance.sum(), pixels)),
        "mean_confidence": float(ratio(confidence.sum(), pixels)),
    }
