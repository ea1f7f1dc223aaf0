"""A metric of any set of a run's test pictures, from the table that lies beside its metrics file.

Metrics are pooled over pixels, and pixels of pictures add up: so the metric of a set of pictures is
a function of sums over them. A set may hold a picture several times, as bootstrap samples do.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fewmask.errors import FewmaskError
from fewmask.metrics import Counts, class_figure, class_score, picture_score

KINDS = Counts._fields
POOLED = ("miou", "pixel_accuracy", "class_accuracy", "precision", "recall", "f1")
OF_CLASSES = ("iou", "precision", "recall", "f1")


class Pictures(NamedTuple):
    """The test pictures of a run."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    counts: Counts
    """Pixels of every picture and class, each float32 (P, K)."""


class PictureSums(NamedTuple):
    """A metric as a function of sums over pictures."""

    columns: np.ndarray
    """What is added up: float32 (P, C), which holds the pixels of a picture exactly."""
    metric: Callable[[np.ndarray], np.ndarray]
    """The metric of sums: (..., C) -> (...), NaN where it is undefined."""

    def of_all(self) -> float:
        """The metric of all pictures."""
        return float(self.metric(self.columns.sum(axis=0, dtype=float)))

    def of_samples(self, samples: np.ndarray) -> np.ndarray:
        """The metric of sets of pictures, float (D,); ``samples`` (D, P) says how often each has a
        picture."""
        return self.metric((samples @ self.columns).astype(float))


def knows(metric: str) -> bool:
    """Whether a metric follows from what is kept of pictures: all but losses, depths and normals,
    and ``delta_m``."""
    figure = class_figure(metric)
    return figure[0] in OF_CLASSES if figure else metric in (*POOLED, "dice")


def read_pictures(path: Path) -> Pictures:
    """The table of a run's test pictures. Raises FewmaskError: it is not there, or damaged."""
    try:
        # Of what is read nothing can be undefined, and a picture may well be called "nan".
        table = pd.read_csv(path, usecols=_is_read, dtype={"name": str}, keep_default_na=False)
        classes = tuple(c.removeprefix("hit_") for c in table if c.startswith("hit_"))
        if not classes:
            raise ValueError("it counts no pixels")
        parts = [table[[f"{kind}_{name}" for name in classes]] for kind in KINDS]
        names = tuple(table["name"])
        counts = Counts(*(part.to_numpy(np.float32) for part in parts))
    except (OSError, ValueError, KeyError) as error:
        raise FewmaskError(
            f"{path}: not the test pictures of a run: {error}\n"
            f"  delete the .json beside it and run the workflow again, which evaluates anew"
        ) from None
    return Pictures(names, classes, counts)


def _is_read(column: str) -> bool:
    return column == "name" or column.startswith(tuple(f"{kind}_" for kind in KINDS))


def sums_for(metric: str, pictures: Pictures) -> PictureSums | None:
    """What gives a metric of these pictures; None where there is no such class."""
    if metric == "dice":
        return _mean_dice(pictures.counts)
    columns = np.concatenate(pictures.counts, axis=1)
    figure = class_figure(metric)
    if figure is None:
        return PictureSums(columns, lambda sums: picture_score(metric, _counts(sums)))
    name, of_class = figure
    if of_class not in pictures.classes:
        return None
    place = pictures.classes.index(of_class)
    return PictureSums(columns, lambda sums: class_score(name, _counts(sums))[..., place])


def _counts(sums: np.ndarray) -> Counts:
    return Counts(*np.split(sums, len(KINDS), axis=-1))


def _mean_dice(counts: Counts) -> PictureSums:
    """The mean over pictures of their own Dice, without those that have no labelled pixel."""
    dice = picture_score("dice", counts)
    known = ~np.isnan(dice)

    def mean(sums: np.ndarray) -> np.ndarray:
        total, pictures = sums[..., 0], sums[..., 1]
        return np.where(pictures > 0, total / np.maximum(pictures, 1), np.nan)

    return PictureSums(np.stack([np.where(known, dice, 0), known], axis=1).astype(np.float32), mean)
