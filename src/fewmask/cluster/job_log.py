"""How a job tells the others how it fares: by its log.

While it runs it holds a lock on the file that its output goes to, in which it says at once that it
has started; when it ends, the last line of the log is ``done`` or, for what a person can mend,
starts with ``error:``. A killed job leaves neither. So ``fewmask status`` needs no files besides
logs and results. An empty log is that of a job that is about to start, if a process has it open.
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
    """Lock the file that stdout goes to, until this process ends, and say in it where that is.

    Nothing on a terminal.
    """
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # stdout is no file at all
        return
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return
    _lock(descriptor)
    if os.fstat(descriptor).st_size == 0:
        print(f"started on {socket.gethostname()} as process {os.getpid()}", flush=True)


def _lock(descriptor: int) -> None:
    # Shared file systems without locks, and logs that two jobs share, are no reason to stop. Or it
    # is someone who only looks whether it is held, and is done in no time.
    for _ in range(ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return


def is_held(path: Path) -> bool:
    """Whether a process holds a file: its log, or another that is locked while it lives."""
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
