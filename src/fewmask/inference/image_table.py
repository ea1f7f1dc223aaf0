"""The table of test images: the metrics of each, and its pixels by class."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fewmask.core.files import written_whole
from fewmask.data.batches import Images
from fewmask.metrics.errors import Errors


def write_image_table(
    path: Path, images: Images, groups: Sequence[str], errors: Mapping[str, Errors]
) -> None:
    """Write one row per image: its group, if it has one, its metrics by all tasks, and the pixels
    from which the pooled metrics of any set of images follow.

    ``groups``: of all rows of the store.
    """
    store, scores, pixels = images.store, {}, {}
    for one in errors.values():
        scores |= one.image_scores()
        pixels |= {
            f"{kind}_{name}": counts[:, i]
            for kind, counts in one.class_pixels().items()
            for i, name in enumerate(store.classes)
        }
    with written_whole(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "row", "group", *scores, *pixels])
        for i, place in enumerate(images.places):
            name, row = store.images.names[place], store.images.first_rows[place]
            of_image = [f"{values[i]:.6f}" for values in scores.values()]
            counts: list[np.int64] = [values[i] for values in pixels.values()]
            writer.writerow([name, row, groups[row], *of_image, *counts])
