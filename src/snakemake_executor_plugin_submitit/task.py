"""What submitit runs in a job: Snakemake's commands, told to stop in time and started again."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from submitit.core.utils import DelayedSubmission

POLL_SECONDS = 0.2

SIDE_BY_SIDE = "SUBMITIT_SIDE_BY_SIDE"
"""The environment variable that tells a command how many share its allocation."""


@dataclass(frozen=True)
class Command:
    """One job of Snakemake, and the files that tell what has become of it."""

    text: str
    files: Path
    """Their path without an ending: ``.done`` is there when it has ended well, ``.failed`` when it
    has failed by itself."""
    log: Path | None = None
    """What it writes goes there; None: to the log of the task."""

    @property
    def done(self) -> Path:
        """Is there when it has ended well."""
        return self.files.with_name(f"{self.files.name}.done")

    @property
    def failed(self) -> Path:
        """Is there when it has failed, and not because the whole job was ended."""
        return self.files.with_name(f"{self.files.name}.failed")

    def has_ended(self) -> bool:
        """Whether it has ended, and not because the whole job was ended."""
        return self.done.exists() or self.failed.exists()


class Task:
    """Commands side by side, each in a session of its own, where signals that are for submitit do
    not reach it. Those that ended in an earlier try of the job are not started again."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = tuple(commands)
        self._running: dict[Command, subprocess.Popen] = {}
        self._is_ending = False

    def __call__(self) -> None:
        """Run the commands to their ends.

        Raises:
            SystemExit: one did not end well. Its own output says why, and a traceback of submitit
                would only hide that.
        """
        self._expect_the_end()
        failure = int(any(command.failed.exists() for command in self.commands))
        try:
            for command in self.commands:
                if not command.has_ended():
                    self._running[command] = self._start(command)
            # Polled, for a wait would begin again after the signal's handler.
            while self._running:
                codes = {command: child.poll() for command, child in self._running.items()}
                # SLURM signals one process after another: this one may be next.
                time.sleep(POLL_SECONDS)
                for command, code in codes.items():
                    if code is not None:
                        self._note(command, code)
                        failure = code or failure
        except BaseException:
            self._signal(signal.SIGTERM)
            raise
        if failure:
            raise SystemExit(failure)

    def checkpoint(self) -> DelayedSubmission:
        """Let the commands save what they have and end; those that had not ended are what goes on
        from there."""
        self._is_ending = True
        self._signal(signal.SIGTERM)
        while any(_is_alive(child) for child in self._running.values()):
            time.sleep(POLL_SECONDS)
        for command, child in [*self._running.items()]:
            self._note(command, child.returncode)  # maybe it was about to end anyway
        if all(command.has_ended() for command in self.commands):
            os._exit(int(any(command.failed.exists() for command in self.commands)))
        return DelayedSubmission(Task(self.commands))

    def _expect_the_end(self) -> None:
        """On SIGTERM, by which SLURM ends a job, remember that how commands end from then on is not
        their own doing. (In Snakemake's own process there is no such signal.)"""

        def remember(number: int, frame: object) -> None:
            self._is_ending = True

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, remember)

    def _start(self, command: Command) -> subprocess.Popen:
        log = None if command.log is None else command.log.open("a")
        # SLURM warns all processes of a job by USR2, which would kill those that do not expect it.
        child = subprocess.Popen(
            ["bash", "-c", f"trap '' USR2; {command.text}"],
            start_new_session=True,
            stdout=log,
            stderr=log,
            env=os.environ | {SIDE_BY_SIDE: str(len(self.commands))},
        )
        if log is not None:
            log.close()
        return child

    def _note(self, command: Command, code: int) -> None:
        """Note how a command has ended."""
        if code == 0:
            command.done.touch()
        elif not self._is_ending:
            command.failed.touch()
        self._running.pop(command, None)

    def _signal(self, number: int) -> None:
        for child in self._running.values():
            try:
                os.killpg(child.pid, number)
            except ProcessLookupError:
                continue


def _is_alive(child: subprocess.Popen) -> bool:
    """Whether any process of its session is left."""
    child.poll()
    try:
        os.killpg(child.pid, 0)
    except ProcessLookupError:
        return False
    return True
