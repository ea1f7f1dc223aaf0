"""How much the scores of a grid would vary with other seeds and other test images.

A score is a mean over S seeds, each a score on the same P test images, and both are samples. The
bootstrap has two levels:

- Test images are drawn with replacement, the same ones for all runs of a dataset, so that what
  makes an image hard cancels in a comparison (Davison & Hinkley, 1997, section 3.8; Owen, 2007,
  "The pigeonhole bootstrap"). Images of one group, such as the slices of a volume, are drawn
  together, for they are alike (a cluster bootstrap).
- Seeds are few. Drawn with replacement, three of them have two thirds of the variance that they
  should have, and never leave their own range: such intervals cover the truth in fewer than four of
  five cases. So a draw of seeds weights their deviations from their mean by normal random numbers
  (a multiplier bootstrap), divided by the root of a chi-squared one over its S - 1 degrees of
  freedom. These are draws from Student's t distribution around the mean, exact for normal
  deviations.

The two deviations are added. Chance that belongs to a single seed and image is in both, so that
intervals are never too narrow for it, but slightly too wide where seeds differ in little else.
Seeds that are folds of the same masks count as one, by their mean: their masks are no sample of
masks, and without all of them no fold is used.

Where every seed has test images of its own, the deviations of seeds include those of images, and
images are not drawn. With one seed the deviations between seeds are unknown.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd

from fewmask.core.cells import Run
from fewmask.core.paths import Layout
from fewmask.core.seeds import derive
from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested
from fewmask.report.results.image_sums import (
    ImageSums,
    Tested,
    check_agrees,
    read_images,
    sums_for,
)
from fewmask.report.results.resampled import DRAWS, resampled
from fewmask.report.results.runs import GridCell, run_file, that_learn

LEVEL = 0.95
ENOUGH_GROUPS = 10
"""A bootstrap of fewer groups underestimates how much they vary by a tenth or more."""
ROUNDING = 1e-9
"""Smaller differences of scores come from the order of summation."""

Joined = TypeVar("Joined", float, np.ndarray)


@dataclass
class Scores:
    """The scores of all runs by one metric."""

    metric: str
    images: dict[str, int] = field(default_factory=dict)
    """By dataset, the number of test images that samples are drawn from; 0: none are drawn."""
    groups: dict[str, int] = field(default_factory=dict)
    """By dataset whose test images are in groups, which are drawn as wholes: their number."""
    folds: dict[str, int] = field(default_factory=dict)
    """By dataset whose masks are divided into folds: the number of seeds that count as one."""
    of_seeds: dict[GridCell, dict[int, float]] = field(default_factory=dict)
    """By cell and seed; runs without the metric are left out. With folds, by the draw of masks."""
    drawn: dict[GridCell, dict[int, np.ndarray]] = field(default_factory=dict)
    """The same on samples of test images, float (D,), the same samples for all of a dataset."""
    _drawn_means: dict[tuple[GridCell, tuple[int, ...]], np.ndarray] = field(
        default_factory=dict, init=False, repr=False
    )
    """Draws of means over seeds, which one comparison after the other needs: float (D,)."""
    _weights: dict[tuple[str, tuple[int, ...]], np.ndarray] = field(
        default_factory=dict, init=False, repr=False
    )
    """By dataset and seeds, their weights in every draw: float (D, S)."""

    def measured(self) -> set[tuple[str, str]]:
        """The datasets and methods any run of which has the metric."""
        return {(dataset, method) for dataset, method, _ in self.of_seeds}

    def notes(self) -> list[str]:
        """How intervals were computed, in sentences."""
        of_folds = [
            f"The {folds} seeds of {dataset} that share their masks count as one."
            for dataset, folds in self.folds.items()
        ]
        if max((len(seeds) for seeds in self.of_seeds.values()), default=0) < 2:
            unknown = "With one seed the variation by chance is unknown: there are no intervals."
            return [*of_folds, unknown]
        how = f"95 % intervals: bootstrap ({DRAWS:,} draws)"
        if not metrics.find(self.metric).can_be_resampled:
            alone = f"{how} over seeds alone; this metric is not stored for every test image."
            return [alone, *of_folds]
        return [*self._notes_on_images(how), *self._notes_on_groups(), *of_folds]

    def _notes_on_groups(self) -> list[str]:
        return [
            f"Test images of {dataset} are drawn in whole groups, of which there are {groups}"
            + ("." if groups >= ENOUGH_GROUPS else ": so few make intervals too narrow.")
            for dataset, groups in self.groups.items()
        ]

    def _notes_on_images(self, how: str) -> list[str]:
        drawn = [dataset for dataset, images in self.images.items() if images]
        paired = "seeds and test images, the same ones for all methods"
        if len(drawn) == len(self.images):
            return [f"{how} over {paired}."]
        alone = "over seeds alone where every seed has test images of its own"
        return [f"{how} over {paired}; {alone}." if drawn else f"{how} {alone}."]

    def seeds(self, cells: list[GridCell]) -> list[int]:
        """The seeds that all of these cells have."""
        of_cells = [set(self.of_seeds.get(cell, {})) for cell in cells]
        return sorted(set.intersection(*of_cells))

    def means(self, cells: list[GridCell], seeds: list[int]) -> np.ndarray:
        """The scores of C cells, means over these seeds: float (C,)."""
        return self._table(cells, seeds).mean(axis=0)

    def draws(self, cells: list[GridCell], seeds: list[int]) -> np.ndarray:
        """Draws of ``means``, float (D, C); at least two seeds.

        Seeds and images of a draw are the same for all cells of a dataset, also from one call to
        the next, and those of datasets have nothing to do with each other.
        """
        return np.stack([self._draws_of(cell, tuple(seeds)) for cell in cells], axis=1)

    def _draws_of(self, cell: GridCell, seeds: tuple[int, ...]) -> np.ndarray:
        if (cell, seeds) not in self._drawn_means:
            of_seeds = self._table([cell], list(seeds))[:, 0]
            of_samples = np.mean([self.drawn[cell][seed] for seed in seeds], axis=0)
            weights = self._weights_of(cell[0], seeds, len(of_samples))
            self._drawn_means[cell, seeds] = draws(of_seeds, of_samples, weights)
        return self._drawn_means[cell, seeds]

    def _weights_of(self, dataset: str, seeds: tuple[int, ...], count: int) -> np.ndarray:
        if (dataset, seeds) not in self._weights:
            random = np.random.default_rng(derive("seeds", dataset, *seeds))
            self._weights[dataset, seeds] = weights_of_seeds(len(seeds), count, random)
        return self._weights[dataset, seeds]

    def _table(self, cells: list[GridCell], seeds: list[int]) -> np.ndarray:
        return np.array([[self.of_seeds[cell][seed] for cell in cells] for seed in seeds])


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


def without_rounding(differences: np.ndarray) -> np.ndarray:
    """Differences of scores, 0 where they are no more than rounding; of any shape."""
    return np.where(np.abs(differences) < ROUNDING, 0.0, differences)


def draws(of_seeds: np.ndarray, of_samples: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Draws of the means over seeds of scores, float (D, ...).

    Args:
        of_seeds: float (S, ...), the scores of every seed.
        of_samples: float (D, ...), their means over seeds on D samples of test images.
        weights: what ``weights_of_seeds`` returns, float (D, S).
    """
    return of_samples + weights @ (of_seeds - of_seeds.mean(axis=0))


def weights_of_seeds(seeds: int, count: int, random: np.random.Generator) -> np.ndarray:
    """What draws of at least two seeds weight their deviations from their mean by: float (count,
    seeds)."""
    normal = random.standard_normal((count, seeds)) / np.sqrt(seeds * (seeds - 1))
    studentised = np.sqrt(random.chisquare(seeds - 1, count) / (seeds - 1))
    return normal / studentised[:, None]


def interval(values: np.ndarray) -> Interval:
    """The 95 % interval of draws (D,), percentiles that are draws themselves, so that some may be
    infinite; NaN is left out, and without any draw both ends are NaN."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(np.nan, np.nan)
    ends = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    return Interval(*(float(end) for end in np.quantile(known, ends, method="inverted_cdf")))


def bootstrap(requested: Requested, runs: pd.DataFrame, metric: str, threads: int = 1) -> Scores:
    """The scores of runs by a metric, and on samples of test images, which so many threads
    compute.

    Test images are drawn where the metric can be computed from their stored counts, and where all
    these runs of a dataset share them. Raises FewmaskError: a table of images is damaged.
    """
    scores = Scores(metric, folds=requested.folds)
    for dataset in requested.datasets:
        own = runs[runs["dataset"] == dataset]
        if own.empty:
            continue
        if metrics.find(scores.metric).can_be_resampled:
            _add_drawn(requested, scores, dataset, own, threads)
        else:
            scores.images[dataset] = 0
            of_runs = own[scores.metric] if scores.metric in own else [np.nan] * len(own)
            for run, score in zip(_runs(own), of_runs, strict=True):
                _add(scores, run, float(score), np.full(DRAWS, score))
    for cell in scores.of_seeds:
        if folds := requested.folds.get(cell[0]):
            scores.of_seeds[cell] = _joined(scores.of_seeds[cell], folds)
            scores.drawn[cell] = _joined(scores.drawn[cell], folds)
    return scores


def _joined(of_seeds: dict[int, Joined], folds: int) -> dict[int, Joined]:
    """Means over the folds of the same masks, by the number of their draw, where all are there."""
    draws_of_masks = sorted({seed // folds for seed in of_seeds})
    seeds_of = {one: range(folds * one, folds * (one + 1)) for one in draws_of_masks}
    return {
        one: sum(of_seeds[seed] for seed in seeds) / folds
        for one, seeds in seeds_of.items()
        if of_seeds.keys() >= {*seeds}
    }


def _add_drawn(
    requested: Requested, scores: Scores, dataset: str, runs: pd.DataFrame, threads: int
) -> None:
    pattern = Layout(requested.results).images
    sums_of_runs: dict[Run, ImageSums] = {}
    of_all: dict[Run, float] = {}
    tested = Tested()
    runs = that_learn(metrics.find(scores.metric).task, runs)
    scored = runs[scores.metric] if scores.metric in runs else [np.nan] * len(runs)
    for run, expected, score in zip(_runs(runs), runs["test"], scored, strict=True):
        path = run_file(pattern, run)
        images = read_images(path, expected, requested.classes.get(dataset))
        tested.add(run.seed, path, images)
        sums = sums_for(scores.metric, images)
        if sums is not None:
            sums_of_runs[run], of_all[run] = sums, sums.of_all()
            if not np.isnan(score):  # a metric may be newer than the file
                check_agrees(path, scores.metric, of_all[run], score)
    groups = tested.groups
    scores.images[dataset] = len(groups)
    n = len(np.unique(groups))
    if n < len(groups):
        scores.groups[dataset] = n
    if n:
        drawn = resampled(dataset, groups, [*sums_of_runs.values()], threads)
    else:
        drawn = np.repeat(np.array([*of_all.values()])[:, None], DRAWS, axis=1)
    for (run, score), of_run in zip(of_all.items(), drawn, strict=True):
        _add(scores, run, score, of_run)


def _add(scores: Scores, run: Run, score: float, drawn: np.ndarray) -> None:
    if np.isnan(score):
        return
    cell = run.dataset, run.method, run.fraction
    scores.of_seeds.setdefault(cell, {})[run.seed] = score
    scores.drawn.setdefault(cell, {})[run.seed] = drawn


def _runs(runs: pd.DataFrame) -> list[Run]:
    rows = runs[["dataset", "method", "fraction", "seed"]].itertuples(index=False)
    return [Run(row.dataset, row.method, row.fraction, int(row.seed)) for row in rows]
