"""Random draws that are spread over strata (see `fewmask.data.splits.draw`)."""

import numpy as np


def take(
    candidates: np.ndarray, count: int, kinds: np.ndarray, blocks: np.ndarray, seed: int
) -> np.ndarray:
    """Rows of candidates, bool (N,): whole blocks until they hold `count` images."""
    rows = np.flatnonzero(candidates)
    _, block = np.unique(blocks[rows], return_inverse=True)
    kinds_of_block = np.zeros((block.max() + 1, kinds.shape[1]), bool)
    np.logical_or.at(kinds_of_block, block, kinds[rows])
    order = _spread(kinds_of_block, seed)
    held = np.cumsum(np.bincount(block)[order])
    return rows[np.isin(block, order[: np.searchsorted(held, count) + 1])]


def _spread(kinds: np.ndarray, seed: int) -> np.ndarray:
    """A random order, int64 (N,), every beginning of which is spread over the strata."""
    stratum = np.where(kinds, kinds.sum(0), np.inf).argmin(1)
    order = np.random.default_rng(seed).permutation(len(stratum))
    stratum = stratum[order]
    sizes = np.bincount(stratum)
    by_stratum = np.argsort(stratum, kind="stable")
    rank = np.empty(len(stratum))
    rank[by_stratum] = np.arange(len(stratum)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # Stable: among the first images of all strata, those of large strata tend to come first.
    return order[np.argsort(rank / sizes[stratum], kind="stable")]
