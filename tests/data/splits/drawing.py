"""Images to draw splits of."""

import numpy as np
from hypothesis import settings

from fewmask.data.splits.draw import Images

unhurried = settings(max_examples=50)


def make(count=100, classes=4, masked=1.0, subsets=None, categories=5, seed=0):
    """Images of which some have a mask; class 0 is in every mask, the last ones are rare."""
    random = np.random.default_rng(seed)
    chance = 1 / (1 + np.arange(classes)) ** 1.5
    class_pixels = random.integers(1, 99, (count, classes)) * (
        random.random((count, classes)) < chance
    )
    class_pixels[random.permutation(count)[round(masked * count) :]] = 0
    return Images(
        names=[f"image {row}" for row in range(count)],
        subsets=subsets or [""] * count,
        class_pixels=class_pixels,
        categories=random.integers(categories, size=count),
    )


def rows(roles, role):
    return {row for row, given in enumerate(roles) if given == role}
