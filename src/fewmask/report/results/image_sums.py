"""A metric of any set of a run's test images, from the table that lies beside its metrics file.

Metrics are pooled over pixels, and pixels of images add up: so the metric of a set of images is
a function of sums over them. A set may hold an image several times, as bootstrap samples do.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fewmask.core.csv_columns import read_columns
from fewmask.metrics import table as metrics
from fewmask.metrics.counts import Counts
from fewmask.metrics.records import damaged

KINDS = Counts._fields
TEXTS = "name", "group"
KIND = "the test images of this run"
MEND = "delete the .json beside it and run the workflow again, which evaluates the run anew"
AGREEMENT = 1e-4
"""The largest difference between a metric of all images and that of the metrics file."""


class ImageCounts(NamedTuple):
    """The test images of a run."""

    names: tuple[str, ...]
    groups: tuple[str, ...]
    """The group of every image; empty: it has none."""
    classes: tuple[str, ...]
    counts: Counts
    """Pixels of every image and class, each float32 (P, K)."""


class ImageSums(NamedTuple):
    """A metric as a function of sums over images."""

    columns: np.ndarray
    """What is added up: float32 (P, C), which holds the pixels of an image exactly."""
    metric: Callable[[np.ndarray], np.ndarray]
    """The metric of sums: (..., C) -> (...), NaN where it is undefined."""

    def of_all(self) -> float:
        """The metric of all images."""
        return float(self.metric(self.columns.sum(axis=0, dtype=float)))


def of_samples(runs: Sequence[ImageSums], samples: np.ndarray) -> np.ndarray:
    """The metric of R runs on sets of images, float (R, D).

    Args:
        runs: sums of one metric and the same classes.
        samples: float (D, P), how often each set has an image.
    """
    # In 64 bits sums of pixels are exact, so that equal runs have equal scores. The sums of one
    # column lie together in memory, float (C, R, D): so metrics take a third of the time.
    columns = np.stack([one.columns.T for one in runs], axis=1, dtype=float)
    return runs[0].metric(np.moveaxis(columns @ samples.T, 0, -1))


def read_images(path: Path, expected: int, classes: list[str] | None) -> ImageCounts:
    """The table of a run's test images.

    Args:
        expected: how many images the metrics file beside it tells of.
        classes: of the dataset, in their order; None: they are not known.

    Raises:
        FewmaskError: it is not there, or is damaged.
    """
    try:
        table = {name: values for name, values in read_columns(path).items() if _is_read(name)}
        in_table = [name.removeprefix("hit_") for name in table if name.startswith("hit_")]
        columns = [f"{kind}_{name}" for kind in KINDS for name in classes or in_table]
        _check_columns(list(table), [*TEXTS, *columns])
        names, groups = (tuple(table[text]) for text in TEXTS)
        if len(names) != expected:
            raise ValueError(f"found {len(names)} images, expected {expected}")
        if len(set(names)) < len(names):
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            raise ValueError(f"{twice} is in it twice")
        pixels = Counts(*np.split(_pixels([table[name] for name in columns]), len(KINDS), axis=1))
        _check_pixels(names, pixels)
    except (OSError, ValueError) as error:
        raise damaged(path, KIND, error, MEND) from None
    counts = Counts(*(part.astype(np.float32) for part in pixels))
    return ImageCounts(names, groups, tuple(classes or in_table), counts)


def _pixels(columns: list[list[str]]) -> np.ndarray:
    """Columns of numbers of pixels, int64 (P, C). Raises ValueError where one is none."""
    try:
        return np.array([list(map(int, column)) for column in columns], np.int64).T
    except (ValueError, OverflowError):
        raise ValueError("pixels are counted in whole numbers, and some are none") from None


class Tested:
    """What the runs of a dataset were tested on: within a seed, the same images and masks."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[Path, ImageCounts]] = {}

    def add(self, seed: int, path: Path, images: ImageCounts) -> None:
        """Count a run in. Raises FewmaskError: another of its seed has other images or masks."""
        other, first = self._first.setdefault(seed, (path, images))
        for what in ("names", "groups"):
            if getattr(first, what) != getattr(images, what):
                raise damaged(path, f"of the test images of {other}", f"their {what} differ", MEND)
        # A network that has not learnt to segment was compared with nothing.
        if not first.counts.truth.any():
            self._first[seed] = path, images
        elif images.counts.truth.any():
            differ = (first.counts.truth != images.counts.truth).any(axis=1)
            if differ.any():
                difference = f"that of {images.names[differ.argmax()]} differs"
                raise damaged(path, f"of the masks of {other}", difference, MEND)

    @property
    def groups(self) -> np.ndarray:
        """int64 (P,): a number for the group of each of the P images of all seeds, or for the image
        if it has none; empty where seeds have images of their own."""
        different = {(images.names, images.groups) for _, images in self._first.values()}
        if len(different) > 1:
            return np.empty(0, np.int64)
        names, groups = different.pop()
        units = [(group, "" if group else name) for name, group in zip(names, groups, strict=True)]
        numbers = {unit: i for i, unit in enumerate(dict.fromkeys(units))}
        return np.array([numbers[unit] for unit in units])


def check_agrees(path: Path, metric: str, of_images: float, of_file: float) -> None:
    """Raise FewmaskError unless a table of images says the same as the metrics file beside it,
    which has the metric."""
    if not math.isclose(of_images, of_file, rel_tol=0, abs_tol=AGREEMENT):
        difference = f"their {metric} is {of_images:.6f}, and {of_file:.6f} in the .json beside it"
        raise damaged(path, KIND, difference, MEND)


def _check_columns(columns: list[str], expected: list[str]) -> None:
    """Raise ValueError unless these are the columns."""
    for problem, names in {
        "without the columns": [name for name in expected if name not in columns],
        "with the unknown columns": [name for name in columns if name not in expected],
    }.items():
        if names:
            raise ValueError(f"{problem} {', '.join(names)}")
    if columns != expected or len(expected) == 2:
        raise ValueError(f"found the columns {', '.join(columns)}; expected {', '.join(expected)}")


def _check_pixels(names: tuple[str, ...], pixels: Counts) -> None:
    """Raise ValueError where pixels cannot be those of an image."""
    hit, truth, predicted = pixels
    wrong = (hit < 0) | (hit > np.minimum(truth, predicted))
    wrong = wrong.any(axis=1) | (truth.sum(axis=1) != predicted.sum(axis=1))
    if wrong.any():
        raise ValueError(f"the pixels of {names[wrong.argmax()]} do not add up")


def _is_read(column: str) -> bool:
    return column in TEXTS or column.startswith(tuple(f"{kind}_" for kind in KINDS))


def sums_for(name: str, images: ImageCounts) -> ImageSums | None:
    """What gives a metric (see `Metric.can_be_resampled`) of these images; None where there is no
    such class."""
    metric = metrics.find(name)
    if metric.mean_over_images:
        return _mean_over_images(metric.from_counts(images.counts))
    columns = np.concatenate(images.counts, axis=1)
    if not metric.of_class:
        return ImageSums(columns, lambda sums: metric.from_counts(_counts(sums)))
    if metric.of_class not in images.classes:
        return None
    place = images.classes.index(metric.of_class)
    return ImageSums(columns, lambda sums: metric.class_from_counts(_counts(sums))[..., place])


def _counts(sums: np.ndarray) -> Counts:
    return Counts(*np.split(sums, len(KINDS), axis=-1))


def _mean_over_images(values: np.ndarray) -> ImageSums:
    """The mean of images' own values, (P,), without those that have no labelled pixel."""
    known = ~np.isnan(values)

    def mean(sums: np.ndarray) -> np.ndarray:
        total, images = sums[..., 0], sums[..., 1]
        return np.where(images > 0, total / np.maximum(images, 1), np.nan)

    return ImageSums(np.stack([np.where(known, values, 0), known], axis=1).astype(np.float32), mean)
