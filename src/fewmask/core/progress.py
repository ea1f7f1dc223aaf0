"""The progress of a job: a bar on a terminal, nothing in a log (jobs write lines of their own)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bar:
    """A progress bar, which is shown only on a terminal."""

    def __init__(self, progress: Progress, total: int, done: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total, completed=done)

    def at(self, done: int, text: str = "") -> None:
        """Set how much of the total is done."""
        self._progress.update(self._task, completed=done, description=text)

    def more(self, done: int) -> None:
        """Add to how much of the total is done."""
        self._progress.advance(self._task, done)

    def say(self, line: str) -> None:
        """Print a line: above the bar, or to the log."""
        self._progress.console.print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def bar(title: str, total: int, done: int = 0) -> Iterator[Bar]:
    """A progress bar on stderr with time elapsed and time left.

    ``done`` is what was done before; the time left is estimated from what is done after this call.
    """
    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        yield Bar(progress, total, done)
