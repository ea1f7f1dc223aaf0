"""The ranks of methods over several datasets, and which of them are told apart.

At every dataset and fraction the best of M methods has rank 1, the worst rank M, and equal ones
share the mean of their ranks. Ranks are averaged over the fractions of a dataset, then over
datasets, as in Demšar (2006, "Statistical comparisons of classifiers over multiple data sets").

The test by Nemenyi that he recommends takes the datasets for a sample of all datasets. Of three
methods on two datasets it can never tell any apart: its critical difference of mean ranks is 2.3,
and they differ by at most 2. So ranks are computed anew in every bootstrap draw of seeds and test
images (`fewmask.report.results.bootstrap`; Goldstein and Spiegelhalter, 1996, "League tables and
their limitations"). What is said holds for the datasets at hand, and for no others.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from fewmask.metrics import table as metrics
from fewmask.planning.requested import (
    FEWEST_RANKED_DATASETS,
    FEWEST_RANKED_METHODS,
    FEWEST_RANKED_SEEDS,
    Requested,
)
from fewmask.report.results.bootstrap import LEVEL, ROUNDING, Interval, Scores, interval


@dataclass(frozen=True)
class Ranks:
    """Mean ranks of methods, the best method first."""

    methods: list[str]
    means: np.ndarray
    """float (M,)."""
    intervals: list[Interval]
    undecided: np.ndarray
    """bool (M, M): pairs of methods that are not told apart, by intervals of the differences of
    their mean ranks that hold for all pairs at once (Bonferroni)."""
    fractions: dict[str, list[str]]
    """By dataset, the fractions at which all methods were compared."""

    @property
    def joined(self) -> list[tuple[int, int]]:
        """The first and the last of methods that are joined because these two are not told apart,
        without those that others include."""
        last = [int(np.flatnonzero(row).max(initial=i)) for i, row in enumerate(self.undecided)]
        return [
            (first, end)
            for first, end in enumerate(last)
            if end > first and end > max(last[:first], default=-1)
        ]


def ranks(requested: Requested, scores: Scores) -> Ranks | None:
    """The ranks of methods that have the metric, by ``scores``, which are what ``bootstrap``
    returns.

    None where too few methods or datasets are complete: at a fraction all methods must have been
    trained, with at least two seeds that all runs of the dataset have.
    """
    measured = {method for _, method in scores.measured()}
    methods = [method for method in requested.ranked_methods if method in measured]
    fractions, observed, drawn = {}, [], []
    for dataset in requested.datasets:
        complete = [
            fraction
            for fraction in requested.fractions
            if all((dataset, method, fraction) in scores.of_seeds for method in methods)
        ]
        cells = [(dataset, method, fraction) for fraction in complete for method in methods]
        seeds = scores.seeds(cells) if cells else []
        if len(seeds) >= FEWEST_RANKED_SEEDS:
            fractions[dataset] = complete
            shape = len(complete), len(methods)
            observed.append(_mean_ranks(scores, scores.means(cells, seeds)[None], shape)[0])
            drawn.append(_mean_ranks(scores, scores.draws(cells, seeds), shape))
    if len(methods) < FEWEST_RANKED_METHODS or len(fractions) < FEWEST_RANKED_DATASETS:
        return None
    means, draws = np.mean(observed, axis=0), np.mean(drawn, axis=0)
    order = np.argsort(means, kind="stable")
    means, draws = means[order], draws[:, order]
    return Ranks(
        methods=[methods[i] for i in order],
        means=means,
        intervals=[interval(one) for one in draws.T],
        undecided=_undecided(means, draws),
        fractions=fractions,
    )


def _mean_ranks(scores: Scores, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Ranks of scores, (D, F * M), at F fractions of a dataset, averaged over these: (D, M)."""
    sign = -1 if metrics.find(scores.metric).higher_is_better else 1
    rounded = np.round(sign * values / ROUNDING)
    return rankdata(rounded.reshape(-1, *shape), axis=2).mean(axis=1)


def _undecided(means: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The pairs of M methods whose difference is not of one sign in enough of the draws (D, M)."""
    count = len(means)
    allowed = (1 - LEVEL) / 2 / (count * (count - 1) / 2)
    undecided = np.zeros((count, count), bool)
    for i in range(count):
        for j in range(i + 1, count):
            # Not "> 0", so that NaN counts against the order that was observed.
            against = np.mean(~(draws[:, j] - draws[:, i] > 0))
            undecided[i, j] = undecided[j, i] = means[i] == means[j] or against > allowed
    return undecided
