"""Which files in a person's folder a command wrote itself: it replaces no others."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fewmask.core.errors import FewmaskError
from fewmask.core.files import file_digest, written_whole


class OwnFiles:
    """The files of a folder that are on its record, with the content that was written.

    The record lies in the folder and is a list as ``sha256sum`` makes and checks it. Of what a
    killed run wrote nothing is missing: a file is on record before it has its name. A file that
    somebody changed since is not one of these any more.
    """

    def __init__(self, folder: Path, record: str) -> None:
        self._folder, self._record = folder, folder / record
        lines = self._record.read_bytes().splitlines() if self._record.is_file() else []
        parts = [os.fsdecode(line).partition("  ") for line in lines]
        self._digests = {
            name: digest for digest, _, name in parts if name and self._is_as(name, digest)
        }

    def __contains__(self, path: Path) -> bool:
        """Whether a file is as it was written."""
        return self._name(path) in self._digests

    def claim(self, paths: Iterable[Path]) -> None:
        """Make ready to write files. Raises FewmaskError if one of them would replace a file that
        is not on record."""
        for path in paths:
            if os.path.lexists(path) and path not in self:
                raise FewmaskError(
                    f"{path}: found a file that is not as {self._record} has it\n"
                    f"  expected: no file, or one that this command wrote and nobody changed\n"
                    f"  mend: name another folder to write to, or take this file away"
                )
        # Once in a run, so that it neither grows nor goes on after a line that was cut short.
        with written_whole(self._record) as temporary:
            temporary.write_bytes(b"".join(map(_line, self._digests, self._digests.values())))

    @contextmanager
    def written(self, path: Path) -> Iterator[Path]:
        """A temporary name to write to, as `written_whole` gives it; the file is put on record."""
        with written_whole(path) as temporary:
            yield temporary
            name, digest = self._name(path), file_digest(temporary)
            if self._digests.get(name) != digest:
                self._digests[name] = digest
                with self._record.open("ab") as record:
                    record.write(_line(name, digest))

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _is_as(self, name: str, digest: str) -> bool:
        path = self._folder / name
        return path.is_file() and file_digest(path) == digest


def _line(name: str, digest: str) -> bytes:
    return os.fsencode(f"{digest}  {name}\n")
