"""Prepares a dataset: decodes its files, brings them to one size, and writes them in order."""

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.config.named import dataset_from_json
from fewmask.config.settings import is_one_line
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import data_folder
from fewmask.core.progress import bar
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.rows import LeftOut, make_rows
from fewmask.data.preparation.workers import IN_FLIGHT, work_on
from fewmask.data.readers.reader import Item, has_files, open_reader
from fewmask.data.store.store import Store
from fewmask.data.store.writer import StoreWriter

MOST_AT_ONCE = 16
PIXELS_AT_ONCE = 2**18


def prepare(settings_json: str, output: Path, workers: int = 1, skip_damaged: bool = False) -> None:
    """Write the store of a dataset, whole or not at all; the same for any number of workers.

    Args:
        settings_json: the settings of the dataset, see `JobArguments.prepare_settings`.
        output: the HDF5 file to write.
        workers: the number of processes that decode.
        skip_damaged: leave damaged images out, whatever the settings say.

    Raises:
        FewmaskError: files are missing or damaged, masks have values without a meaning, or the
            output cannot be written.
    """
    started = time.monotonic()
    if skip_damaged:
        settings_json = _with_skip_damaged(settings_json)
    name, settings = dataset_from_json(settings_json)
    _check_root(name, settings)
    reader = open_reader(settings, data_folder())
    items = reader.items()
    _check_names(name, items)
    groups = _groups(items, settings)
    notes: Counter[str] = Counter()
    in_flight = IN_FLIGHT if settings.tiles is None else 1
    with (
        _unwinding_on_signals() as check_signals,
        StoreWriter(output, settings_json, reader.categories) as writer,
        bar(f"prepare {name}", len(items)) as progress,
        closing(work_on(groups, partial(make_rows, settings_json), workers, in_flight)) as made,
        _mentioning_skip_damaged(),
    ):
        for done, rows in enumerate(chain.from_iterable(made), start=1):
            check_signals()
            if isinstance(rows, LeftOut):
                writer.leave_out(rows)
            else:
                for row in rows:
                    writer.append(row)
                    notes.update(row.notes)
            progress.at(done)
    _report(output, time.monotonic() - started)
    for note, count in notes.items():
        print(f"note: {note}: {count:,}", file=sys.stderr)


def _groups(items: list[Item], settings: Dataset) -> list[list[Item]]:
    """The images that a process is given at a time. To give small ones one by one would take a
    tenth of the time; those that are cut into tiles are large."""
    height, width = settings.height_width
    length = min(MOST_AT_ONCE, max(1, PIXELS_AT_ONCE // (height * width)))
    length = length if settings.tiles is None else 1
    return [items[start : start + length] for start in range(0, len(items), length)]


def _with_skip_damaged(settings_json: str) -> str:
    dataset_from_json(settings_json)  # says what is wrong with it
    return json.dumps(
        json.loads(settings_json) | {"skip_damaged": True}, sort_keys=True, separators=(",", ":")
    )


@contextmanager
def _mentioning_skip_damaged() -> Iterator[None]:
    try:
        yield
    except ImageError as error:
        raise ImageError(
            f"{error}\n  or leave such images out: skip_damaged: true in the dataset's YAML"
        ) from None


@contextmanager
def _unwinding_on_signals() -> Iterator[Callable[[], None]]:
    """Have SIGTERM end the process as Ctrl-C does, by an exception, so that no file is left half
    written.

    Yields a function that raises that exception again, to be called now and then: Python drops an
    exception that is raised within the callback of a weak reference, of which h5py has many.
    """
    ended: list[BaseException] = []

    def end(number: int, frame: object) -> None:
        is_ctrl_c = number == signal.SIGINT
        ended.append(KeyboardInterrupt() if is_ctrl_c else SystemExit(128 + number))
        raise ended[0]

    def check() -> None:
        if ended:
            raise ended[0]

    before = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [signal.SIGTERM]
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it is not ignored
            numbers.append(signal.SIGINT)
        before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check_root(name: str, settings: Dataset) -> None:
    if settings.root is None or has_files(data_folder() / settings.root):
        return
    where = "" if "FEWMASK_DATA" in os.environ else " (FEWMASK_DATA is not set)"
    raise FewmaskError(
        f"{data_folder() / settings.root}: no files of the dataset {name} here\n"
        f"  looked in: {data_folder()}{where}\n"
        f"  mend: put the folder {settings.root} there, or set FEWMASK_DATA to the folder that "
        f"holds it;\n"
        f"  if config/datasets/{name}.yaml names a download, the workflow fetches it, and so does\n"
        f"  fewmask download --dataset {name} --output results/downloads/{name}.txt"
    )


def _check_names(name: str, items: list[Item]) -> None:
    if not items:
        raise FewmaskError(
            f"{name}: the reader finds no images\n  mend: correct root and reader in its YAML"
        )
    seen: set[str] = set()
    for item in items:
        if not is_one_line(item.name):
            raise FewmaskError(
                f"{name}: found an image with the name {item.name!a}\n"
                f"  expected: a name in UTF-8, without line breaks and control characters\n"
                f"  mend: rename the file or the folder"
            )
        if item.name in seen:
            raise FewmaskError(
                f"{item.image}: a second image with the name {item.name}\n"
                f"  mend: rename or remove one of them"
            )
        seen.add(item.name)


def _report(output: Path, seconds: float) -> None:
    """What was written, classes that were never seen, and who was left out."""
    with Store(output) as store:
        labelled = store.labelled.any()
        print(f"{output}: {store.summary}, in {seconds:.1f} s", file=sys.stderr)
        left_out = store.left_out
        absent = [store.classes[i] for i in np.flatnonzero(~store.class_pixels.any(axis=0))]
    if labelled and absent:
        print(
            f"note: no mask holds {', '.join(absent)}; mask_values says what the values in masks "
            f"mean (by default 255 is ignored)",
            file=sys.stderr,
        )
    if left_out:
        print(f"left out as damaged: {len(left_out):,}", file=sys.stderr)
    for name, reason in left_out:
        print(f"  {name}: {reason}", file=sys.stderr)
