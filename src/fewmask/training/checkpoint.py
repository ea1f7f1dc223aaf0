"""Checkpoints: replaced as a whole, and only taken up by the very training that wrote them."""

import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

from fewmask.core.files import written_whole

State = dict[str, Any]


class Checkpoint:
    """The file that a training resumes from."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        """``fingerprint`` stands for the settings, data and code version of the training."""
        self.path, self.fingerprint = path, fingerprint

    def save(self, state: State) -> None:
        """Replace the file; a kill at any moment leaves the old one or the new one."""
        with written_whole(self.path) as temporary:
            torch.save({"fingerprint": self.fingerprint, "state": state}, temporary)

    def load(self, device: torch.device) -> State | None:
        """The state to go on from, if there is one.

        A file of another training, or one that cannot be read, is set aside with a message: it
        may be the only copy of hours of work.
        """
        if not self.path.exists():
            return None
        try:
            _check_sums(self.path)
            saved = torch.load(self.path, map_location=device, weights_only=True)
        except Exception as error:  # whatever a damaged file makes the reader raise
            self.set_aside(f"cannot be read ({type(error).__name__})")
            return None
        if not isinstance(saved, dict) or not isinstance(saved.get("state"), dict):
            self.set_aside("is no checkpoint")
            return None
        if saved.get("fingerprint") != self.fingerprint:
            self.set_aside("belongs to other settings, data or code")
            return None
        return saved["state"]

    def begin_with(self, path: Path) -> None:
        """Replace the file by a copy of another one."""
        with written_whole(self.path) as temporary:
            shutil.copyfile(path, temporary)

    def set_aside(self, reason: str) -> None:
        """Keep the file under another name, and say why."""
        aside = self.path.with_suffix(".aside.pt")
        # Removed first, for a folder and a file cannot replace each other.
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink(missing_ok=True)
        self.path.replace(aside)
        print(f"{self.path} {reason}: kept as {aside.name}, starting afresh", file=sys.stderr)


def _check_sums(path: Path) -> None:
    """Raise zipfile.BadZipFile if a part is not what was saved: torch itself compares nothing, and
    would go on from numbers that a disk has changed."""
    with zipfile.ZipFile(path) as parts:
        if damaged := parts.testzip():
            raise zipfile.BadZipFile(f"{damaged} does not match its checksum")
