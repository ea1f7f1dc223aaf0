"""Pixels counted by class, from which most metrics of masks follow."""

from typing import NamedTuple

import numpy as np


class Counts(NamedTuple):
    """Pixels of every class, each (..., K); what all metrics but those of pairs of classes need."""

    hit: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray


def counts(confusion: np.ndarray) -> Counts:
    """The pixels of every class: int (..., K, K) -> (..., K)."""
    hit = np.diagonal(confusion, axis1=-2, axis2=-1)
    return Counts(hit, confusion.sum(axis=-1), confusion.sum(axis=-2))
