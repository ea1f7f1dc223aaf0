"""Scores of runs on bootstrap samples of their test images."""

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np

from fewmask.core.progress import bar
from fewmask.core.seeds import derive
from fewmask.report.results.image_sums import ImageSums, of_samples

DRAWS = 10_000
AT_ONCE, RUNS_AT_ONCE = 500, 50
"""The numbers of samples of images, and of runs, that are in memory together."""


def resampled(dataset: str, groups: np.ndarray, runs: list[ImageSums], threads: int) -> np.ndarray:
    """The scores of R runs of a dataset on samples of its test images, float (R, DRAWS).

    Args:
        groups: int64 (P,), the group of every image; those of one are drawn together.
        runs: sums of one metric and the same classes.
        threads: how many compute scores side by side.
    """
    drawn = np.empty((len(runs), DRAWS))
    n = len(np.unique(groups))
    random = np.random.default_rng(derive("images", dataset))

    def draw(of_runs: slice, of_draws: slice, samples: np.ndarray) -> None:
        drawn[of_runs, of_draws] = of_samples(runs[of_runs], samples)

    blocks = [slice(j, j + RUNS_AT_ONCE) for j in range(0, len(runs), RUNS_AT_ONCE)]
    # Threads, for numpy does nearly all of it without holding Python's lock.
    with ThreadPoolExecutor(threads) as pool, bar(f"bootstrap {dataset}", DRAWS) as shown:
        for i in range(0, DRAWS, AT_ONCE):
            samples = samples_of(n, AT_ONCE, random)[:, groups]
            for _ in pool.map(draw, blocks, repeat(slice(i, i + AT_ONCE)), repeat(samples)):
                pass
            shown.more(AT_ONCE)
    return drawn


def samples_of(images: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Bootstrap samples of images (or groups of them): how often each holds every image, float
    (count, images)."""
    drawn = random.integers(images, size=(count, images))
    places = (drawn + images * np.arange(count)[:, None]).ravel()
    counts = np.bincount(places, minlength=count * images)
    return counts.reshape(count, images).astype(float)
