"""Signals that end a job, as a question that can be asked."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOPPING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Tells whether SIGTERM or SIGINT has come. Until the block ends they do nothing else."""
    received: list[int] = []
    previous = {
        one: signal.signal(one, lambda number, frame: received.append(number)) for one in STOPPING
    }
    try:
        yield lambda: bool(received)
    finally:
        for one, handler in previous.items():
            signal.signal(one, handler)
