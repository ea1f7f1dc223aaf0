"""What became of every try of a training, for those that were stopped and went on.

Snakemake removes the log of a job that it starts again; this file stays.
"""

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from fewmask.core.files import written_whole

COLUMNS = ("time", "node", "slurm_job", "event", "step")


class Tries:
    """The file, one row an event: when, where, as which job of SLURM, what, at which step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(
        self, event: Literal["started", "saved", "stopped", "finished", "diverged"], step: int
    ) -> None:
        """Add a row. A try that was killed has no last one, and ``saved`` is where the next starts.

        Times are UTC.
        """
        earlier = self.path.read_text() if self.path.exists() else f"{','.join(COLUMNS)}\n"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        job = os.environ.get("SLURM_JOB_ID", "")
        with written_whole(self.path) as path:
            path.write_text(f"{earlier}{now},{socket.gethostname()},{job},{event},{step}\n")
