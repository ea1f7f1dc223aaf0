"""A training's curves for TensorBoard: what its history says, as event files."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from fewmask.core.errors import FewmaskError
from fewmask.training.loop import Training

VALIDATION = "validation_"
"""What the columns of the history begin with that are of the validation images."""

NO_CURVES = ("step", "images_seen", "seconds")
"""Columns of the history that say where on its curves a row is."""

Row = dict[str, float]
"""A row of the history: the values of one evaluation."""

START: Row = {"step": 0, "images_seen": 0, "seconds": 0.0}
"""Where a training begins."""


@contextmanager
def curves(folder: Path | None, training: Training) -> Iterator[Callable[[], None]]:
    """What brings the event files in a folder up to date; without a folder it does nothing.

    They hold the curves of this very training: earlier files are emptied, and the history of one
    that goes on is written anew, so that no row is missing or there twice.

    Raises FewmaskError: TensorBoard is not installed.
    """
    if folder is None:
        yield lambda: None
        return
    writer_class = _writer_class()
    # Emptied, not removed: a TensorBoard that is reading a file would never get over its loss.
    for earlier in folder.glob("events.out.tfevents.*"):
        earlier.write_bytes(b"")
    began, written = time.time() - training.seconds, 0

    def update() -> None:
        nonlocal written
        for before, row in pairwise([START, *training.history][written:]):
            for name, value in scalars(row, before).items():
                writer.add_scalar(name, value, int(row["step"]), began + row["seconds"])
        written = len(training.history)
        writer.flush()

    # purge_step: and it forgets what the file said.
    with writer_class(folder, purge_step=0) as writer:
        update()
        yield update


def scalars(row: Row, before: Row) -> dict[str, float]:
    """The points of a row, by the name of the curve: ``validation/miou``, ``training/loss``, ...

    Besides the columns of the history there is ``training/images_per_second``, since the row
    ``before``, validation included.
    """
    points = {}
    for name, value in row.items():
        if name.startswith(VALIDATION):
            points[f"validation/{name.removeprefix(VALIDATION)}"] = value
        elif name not in NO_CURVES:
            points[f"training/{name}"] = value
    seconds = row["seconds"] - before["seconds"]
    if seconds > 0:
        images = row["images_seen"] - before["images_seen"]
        points["training/images_per_second"] = images / seconds
    return points


def _writer_class() -> type:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise FewmaskError(
            f"training curves are requested, but TensorBoard cannot be imported: {error}\n"
            f"  mend: install it where trainings run (pip install tensorboard), or leave out "
            f"tensorboard: true"
        ) from None
    return SummaryWriter
