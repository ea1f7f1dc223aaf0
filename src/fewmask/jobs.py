"""How a job tells the others how it fares: by its log.

While it runs it holds a lock on the file that its output goes to; when it ends, the last line of
the log is ``done`` or, for what a person can mend, starts with ``error:``. A killed job leaves
neither. So ``fewmask status`` needs no files besides logs and results.
"""

import fcntl
import os
import stat
import sys
import time
from pathlib import Path

DONE = "done"
ERROR = "error: "

ATTEMPTS = 10


def hold_log() -> None:
    """Lock the file that stdout goes to, until this process ends; nothing on a terminal."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # stdout is no file at all
        return
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        # Shared file systems without locks, and logs that two jobs share, are no reason to stop. Or
        # it is someone who only looks whether it is held, and is done in no time.
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
