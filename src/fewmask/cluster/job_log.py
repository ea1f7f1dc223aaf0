"""How a job reports its state: by its log.

While a job runs, it holds a lock on its log, to which it writes at once that it has started. When
it ends, the last line of the log is ``done`` or, after a mistake that a person can mend, starts
with ``error:``. A killed job leaves neither. So ``fewmask status`` needs no files besides logs and
results. An empty log that a process has open belongs to a job that is about to start.
"""

import fcntl
import glob
import os
import socket
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

DONE = "done"
ERROR = "error: "

ATTEMPTS = 10


def hold_log() -> None:
    """Lock the file that stdout goes to until this process ends, and write to it where that runs.

    Does nothing on a terminal.
    """
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # stdout is not a file
        return
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return
    _lock(descriptor)
    if os.fstat(descriptor).st_size == 0:
        print(f"started on {socket.gethostname()} as process {os.getpid()}", flush=True)


def _lock(descriptor: int) -> None:
    # A shared file system without locks, or a log that two jobs share, is no reason to stop. And
    # `is_held` may hold the lock for a moment.
    for _ in range(ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return


def is_held(path: Path) -> bool:
    """Whether a process holds the lock on a file, its log or another one that it locks."""
    if not path.exists():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def is_open(path: Path) -> bool:
    """Whether a process of this user on this machine has a file open."""
    name = str(path.resolve())
    for descriptor in glob.iglob("/proc/[0-9]*/fd/*"):
        with suppress(OSError):  # it was closed meanwhile
            if os.readlink(descriptor) == name:
                return True
    return False
