"""What a committee says of every image: how much it disagrees, and what the image looks like."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fewmask.core.progress import Bar
from fewmask.data.batches import Batch
from fewmask.inference.suggestions.committee import DISAGREEMENT, FEATURES
from fewmask.inference.trained import Trained
from fewmask.objectives.assessment import predictions


@dataclass(frozen=True)
class Part:
    """Some images, or parts of larger ones."""

    of: np.ndarray
    """The number of the image that each is, or is a part of, int (n,)."""
    batch: Batch


@dataclass(frozen=True)
class Scores:
    """Of images, by their numbers; NaN where there was none."""

    disagreement: np.ndarray
    """The mean over the pixels of an image, float64 (N,)."""
    features: np.ndarray
    """The mean over its parts, weighted by their pixels, float64 (N, C)."""


def score(committee: Trained, images: int, parts: Iterable[Part], shown: Bar) -> Scores:
    """The scores of so many images; the network of ``committee`` is a `Committee`."""
    pixels, disagreement = np.zeros(images), np.zeros(images)
    features = np.zeros((images, 0))
    for part in parts:
        # One after the other, so that what a batch holds changes nothing.
        [(batch, outputs)] = predictions(
            committee.network, [part.batch], committee.runtime.autocast
        )
        inside = batch.inside[:, 0].double()
        of_part = inside.sum((1, 2)).cpu().numpy()
        summed = (outputs[DISAGREEMENT].double() * inside).sum((1, 2)).cpu().numpy()
        found = outputs[FEATURES].double().cpu().numpy()
        if not features.size:
            features = np.zeros((images, found.shape[1]))
        np.add.at(pixels, part.of, of_part)
        np.add.at(disagreement, part.of, summed)
        np.add.at(features, part.of, found * of_part[:, None])
        shown.more(len(part.of))
    with np.errstate(invalid="ignore"):
        return Scores(disagreement / pixels, features / pixels[:, None])
