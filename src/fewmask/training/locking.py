"""One training at a time in a folder."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fewmask.core import parallel
from fewmask.core.errors import FewmaskError
from fewmask.core.files import cannot_write, explained, remove_leftovers
from fewmask.core.paths import LOCK

LOCK_TIMEOUT = 600
"""Seconds to wait for another process that trains the same stage: one that is being stopped needs
some to write its checkpoint."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other trainings out of a folder, and remove what a killed one left half-written.

    The folder is made if need be. Raises FewmaskError: it cannot be, or another process goes on.
    """
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not parallel.is_first():
        parallel.wait_for_all()
        yield
        return
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"{folder}: waiting for another process that trains here", file=sys.stderr)
        try:
            lock.acquire(timeout=LOCK_TIMEOUT)
        except Timeout:
            raise FewmaskError(
                f"{folder}: another process still trains here after {LOCK_TIMEOUT} s; "
                f"stop it, or wait for it, and start again"
            ) from None
    except OSError as error:
        raise cannot_write(folder / LOCK, error) from None
    try:
        remove_leftovers(folder)
        parallel.wait_for_all()
        yield
    finally:
        lock.release()
