"""Random draws that are spread over strata (see `fewmask.data.splits.draw`)."""

import numpy as np


def take(
    candidates: np.ndarray,
    count: int,
    kinds: np.ndarray,
    blocks: np.ndarray,
    seed: int,
    spared: int = 0,
) -> np.ndarray:
    """Rows of candidates, bool (N,): whole blocks, at least one, in their order, so many that they
    hold as nearly `count` images as possible; `spared` blocks are left."""
    rows, block, order = _in_order(candidates, kinds, blocks, seed)
    held = np.cumsum(np.bincount(block)[order])[: len(order) - spared]
    nearest = np.abs(held - count - 0.5).argmin()  # between two integers: there are no ties
    return rows[np.isin(block, order[: nearest + 1])]


def part(
    candidates: np.ndarray,
    number: int,
    parts: int,
    kinds: np.ndarray,
    blocks: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Rows of one of several parts, numbered from 0, into which whole blocks of the candidates are
    dealt in turn, so that all parts have as many blocks (or one more), spread over the strata."""
    rows, block, order = _in_order(candidates, kinds, blocks, seed)
    return rows[np.isin(block, order[number::parts])]


def _in_order(
    candidates: np.ndarray, kinds: np.ndarray, blocks: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of candidates, the block of each, and the order of these blocks."""
    rows = np.flatnonzero(candidates)
    _, block = np.unique(blocks[rows], return_inverse=True)
    kinds_of_block = np.zeros((block.max() + 1, kinds.shape[1]), bool)
    np.logical_or.at(kinds_of_block, block, kinds[rows])
    return rows, block, _spread(kinds_of_block, seed)


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
