"""The files that are written for an image: the predictions of every task, and how they look."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewmask.config.task import load
from fewmask.core.encode import RowWriter, row_writer
from fewmask.inference.geotiff import GEOTIFF, GeoWriter, Look
from fewmask.inference.own_files import OwnFiles

LARGEST_VIEW = 4096
"""The longer side of what is written for viewing, in pixels; larger images are shown smaller."""

Values = dict[str, np.ndarray]
"""Some rows of the predictions of an image by task, as the store holds truth, (h, W, ...)."""


@dataclass(frozen=True)
class Predicted:
    """The predictions of an image, at its own size."""

    size: tuple[int, int]
    """Height and width."""
    pixels: Callable[[slice], np.ndarray]
    """Some rows of the image, in full width: uint8 (h, W, 3)."""
    strips: Iterable[tuple[int, Values]]
    """The predictions as strips from top to bottom, each with its first row."""
    file: Path
    """The file of the image."""


def write_predicted(
    predicted: Predicted, targets: dict[str, Path], own: OwnFiles, palette: np.ndarray
) -> None:
    """Write the files of an image; one strip is in memory at a time, and what is for viewing.

    Args:
        targets: their paths by folder (see `Task.files`).
        palette: the colours of the classes, uint8 (K, 3).
    """
    step = -(-max(predicted.size) // LARGEST_VIEW)
    image: list[np.ndarray] = []
    views: dict[str, list[np.ndarray]] = {}
    writers: dict[str, RowWriter] = {}
    with ExitStack() as stack:
        for top, values in predicted.strips:
            height = len(next(iter(values.values())))
            shown = np.s_[-top % step :: step, ::step]
            image.append(predicted.pixels(slice(top, top + height))[shown].copy())
            for name, rows in values.items():
                if name not in writers:
                    path = stack.enter_context(own.written(targets[_folders(name)[0]]))
                    shape = (*predicted.size, *rows.shape[2:])
                    if path.suffix == GEOTIFF:
                        look = Look(shape, rows.dtype, load(name).unknown, palette)
                        writers[name] = GeoWriter(path, predicted.file, look)
                    else:
                        file = stack.enter_context(path.open("wb"))
                        writers[name] = row_writer(file, path.suffix, shape, rows.dtype, palette)
                writers[name].add(rows)
                views.setdefault(name, []).append(rows[shown].copy())
        for writer in writers.values():
            writer.close()
    for name, parts in views.items():
        view = load(name).view(np.concatenate(parts), np.concatenate(image), palette)
        with own.written(targets[_folders(name)[1]]) as path:
            path.write_bytes(view)


def _folders(task: str) -> list[str]:
    return list(load(task).files)
