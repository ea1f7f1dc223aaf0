"""What submitit runs in a job: Snakemake's command, told to stop in time and started again."""

import os
import signal
import subprocess
import time
from pathlib import Path

from submitit.core.utils import DelayedSubmission

POLL_SECONDS = 0.2


class Task:
    """A command in a session of its own, where signals that are for submitit do not reach it."""

    def __init__(self, command: str, done: Path) -> None:
        """``done`` is written when the command has ended well."""
        self.command, self.done = command, done
        self._child: subprocess.Popen | None = None

    def __call__(self) -> None:
        """Run the command to its end.

        Raises:
            SystemExit: it did not end well. Its own output says why, and a traceback of submitit
                would only hide that.
        """
        # SLURM warns all processes of a job by USR2, which would kill those that do not expect it.
        self._child = subprocess.Popen(
            ["bash", "-c", f"trap '' USR2; {self.command}"], start_new_session=True
        )
        try:
            # Polled, for a wait would begin again after the signal's handler.
            while (code := self._child.poll()) is None:
                time.sleep(POLL_SECONDS)
        except BaseException:
            self._signal(signal.SIGTERM)
            raise
        if code:
            raise SystemExit(code)
        self.done.touch()

    def checkpoint(self) -> DelayedSubmission:
        """Let the command save what it has and end; the same again is what goes on from there."""
        self._signal(signal.SIGTERM)
        while self._is_alive():
            time.sleep(POLL_SECONDS)
        if self._child is not None and self._child.poll() == 0:  # it was about to end anyway
            self.done.touch()
            os._exit(0)
        return DelayedSubmission(Task(self.command, self.done))

    def _signal(self, number: int) -> None:
        if self._child is not None:
            try:
                os.killpg(self._child.pid, number)
            except ProcessLookupError:
                return

    def _is_alive(self) -> bool:
        """Whether any process of the session is left."""
        if self._child is None:
            return False
        self._child.poll()
        try:
            os.killpg(self._child.pid, 0)
        except ProcessLookupError:
            return False
        return True
