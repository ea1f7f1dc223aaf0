"""How a job tells the others how it fares: by its log.

While it runs it holds a lock on the file that its output goes to; when it ends, the last line of
the log is ``done`` or, for what a person can mend, starts with ``error:``. A killed job leaves
neither. So ``fewmask status`` needs no files besides logs and results.
"""

import fcntl
import os
import stat
import sys

DONE = "done"
ERROR = "error: "


def hold_log() -> None:
    """Lock the file that stdout goes to, until this process ends; nothing on a terminal."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # stdout is no file at all
        return
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        # Shared file systems without locks, and logs that two jobs share, are no reason to stop.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
