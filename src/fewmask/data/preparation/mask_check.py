"""Checks all masks of a dataset together: whether they hold anything to learn."""

import numpy as np

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError


def check_masks(
    name: str, settings: Dataset, class_pixels: np.ndarray, extents: np.ndarray
) -> None:
    """Raise FewmaskError if all pixels are ignored, or if 255 seems to be a class.

    Two classes are often saved as 0 and 255. By default 255 is ignored, so that only class 0 would
    be learnt and evaluated.

    Args:
        name: of the dataset.
        settings: of the dataset.
        class_pixels: int64 (N, K), the pixels of every class in the rows that have a mask.
        extents: int (N, 2), height and width of the part of these rows that is image.
    """
    seen = np.flatnonzero(class_pixels.any(axis=0))
    ignored = extents.prod(axis=1).sum() - class_pixels.sum()
    by_default = settings.mask_values is None and not settings.ignore_colours
    if not ignored or len(seen) > 1 or (len(seen) == 1 and not by_default):
        return
    names = [one.name for one in settings.classes]
    if len(seen):
        known = seen[0]
        found = f"no class but {names[known]} ({known})"
    else:
        known = 0
        found = "nothing but ignored pixels"
    others = [one for i, one in enumerate(names) if i != known]
    line = f"mask_values: {{{known}: {names[known]}, {IGNORE}: {' or '.join(others)}}}"
    raise FewmaskError(
        f"{name}: mask_values: found {found} in all {len(extents):,} masks\n"
        f"  expected: pixels of two classes or more; {IGNORE} is ignored unless mask_values says "
        f"otherwise\n"
        f"  mend: if {IGNORE} is a class, add to the dataset's YAML: {line}"
    )
