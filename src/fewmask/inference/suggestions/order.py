"""Which images a mask would help most: uncertain ones that resemble no other chosen one."""

import numpy as np


def weighted_k_centre(
    features: np.ndarray, weights: np.ndarray, centres: np.ndarray, count: int
) -> tuple[list[int], list[float]]:
    """``count`` images in the order of a mask's worth, and the distance of each when it was chosen.

    Greedy weighted k-centre (Dyer and Frieze 1985; without weights, the core-set selection of Sener
    and Savarese 2018): next is the image with the largest product of its weight and its distance to
    the nearest image that is known or chosen. So of two images that are alike one is chosen, and an
    image that the networks are sure of is not chosen for being unlike the others. Where products
    are equal, the distance decides, then the order of the images. Without centres the image with
    the largest weight is first, at an infinite distance.

    Args:
        features: of the images, float (N, C).
        weights: how uncertain the networks are, float (N,), 0 or more.
        centres: the features of the images whose masks are known, float (M, C), M >= 0.
        count: how many to choose, at most N.
    """
    distances = np.full(len(features), np.inf)
    for centre in centres:
        distances = np.minimum(distances, np.linalg.norm(features - centre, axis=1))
    order: list[int] = []
    at: list[float] = []
    left = np.ones(len(features), bool)
    for _ in range(count):
        finite = distances if np.isfinite(distances).all() else np.ones(len(features))
        candidates = np.flatnonzero(left)
        keys = -distances[candidates], -(weights * finite)[candidates]
        best = int(candidates[np.lexsort(keys)[0]])
        order.append(best)
        at.append(float(distances[best]))
        left[best] = False
        distances = np.minimum(distances, np.linalg.norm(features - features[best], axis=1))
    return order, at
