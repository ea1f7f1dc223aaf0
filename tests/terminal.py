"""A real terminal for a command: its output goes to a pseudo-terminal of a known size."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

from tests.workflow.snakemake import environment


def _take_over() -> None:
    """Have Ctrl-C on this terminal interrupt this process."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _of_a_terminal(environment: dict[str, str]) -> dict[str, str]:
    """Without the size of the terminal, if any, that the tests themselves run on."""
    kept = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
    return kept | {"TERM": "xterm-256color"}


class Terminal:
    """A command that runs on a terminal of its own."""

    def __init__(
        self, command: list[str], folder: Path, rows: int = 30, columns: int = 120
    ) -> None:
        self._screen, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.said = ""
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=_of_a_terminal(environment()),
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            preexec_fn=_take_over,
        )
        os.close(inside)

    def wait_for(self, text: str, seconds: float = 300) -> None:
        """Read until some text has been said."""
        end = time.monotonic() + seconds
        while text not in self.said:
            assert time.monotonic() < end, f"no {text!r} in:\n{self.said}"
            assert self._read(), f"ended without {text!r}:\n{self.said}"

    def type(self, keys: str) -> None:
        """Type some keys."""
        os.write(self._screen, keys.encode())

    def end(self, seconds: float = 300) -> int:
        """Read to the end; the exit code."""
        limit = time.monotonic() + seconds
        while self._read():
            if time.monotonic() > limit:
                self.process.kill()
                raise AssertionError(f"goes on after {seconds} s:\n{self.said[-2000:]}")
        os.close(self._screen)
        return self.process.wait()

    def _read(self) -> bool:
        """Read what there is; False if the command has ended."""
        ready, _, _ = select.select([self._screen], [], [], 0.2)
        if not ready:
            return True
        try:
            found = os.read(self._screen, 65536)
        except OSError:  # what Linux says when the other side is closed
            return False
        self.said += found.decode(errors="replace")
        return bool(found)
