"""Keeps a record of the files that a command wrote to a user's folder: it replaces no others."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fewmask.core.errors import FewmaskError
from fewmask.core.files import file_digest, written_whole


class OwnFiles:
    """The files of a folder that are on its record and still have the content that was written.

    The record lies in the folder and has the format of ``sha256sum``. It is complete even after a
    kill: a file is on record before it gets its name. A file that was changed since does not count.
    """

    def __init__(self, folder: Path, record: str) -> None:
        self._folder, self._record = folder, folder / record
        lines = self._record.read_bytes().splitlines() if self._record.is_file() else []
        parts = [os.fsdecode(line).partition("  ") for line in lines]
        self._digests = {
            name: digest for digest, _, name in parts if name and self._is_as(name, digest)
        }

    def __contains__(self, path: Path) -> bool:
        """Whether a file has the content that was written."""
        return self._name(path) in self._digests

    def claim(self, paths: Iterable[Path]) -> None:
        """Prepare to write files. Raises FewmaskError if one of them would replace a file that is
        not on record."""
        for path in paths:
            if os.path.lexists(path) and path not in self:
                raise FewmaskError(
                    f"{path}: found a file that {self._record} does not list with this content\n"
                    f"  expected: no file, or an unchanged one that this command wrote\n"
                    f"  mend: name another folder to write to, or remove this file"
                )
        # Rewritten once per run, so that it does not grow, nor continue after a truncated line.
        with written_whole(self._record) as temporary:
            temporary.write_bytes(b"".join(map(_line, self._digests, self._digests.values())))

    @contextmanager
    def written(self, path: Path) -> Iterator[Path]:
        """A temporary name to write to, see `written_whole`; the file is put on record."""
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
