"""Files that are whole or not there."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fewmask.errors import FewmaskError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name to write to; renamed to ``path`` when the block ends without an error.

    Readers see the old file or the new one, never a part. The folder is made if need be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process number keeps two writers of one file apart; the suffix tells writers the format.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # some writers keep their files to themselves
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def check_folder(path: Path, holds: str) -> None:
    """Refuse what is to be a folder (one that is there, or is to be made) and is a file, or lies
    in one. Raises FewmaskError."""
    for part in (path, *path.parents):
        if part.exists() and not part.is_dir():
            raise FewmaskError(
                f"{part}: a file, and no folder for {holds}\n"
                f"  mend: remove it, or name another folder"
            )


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
