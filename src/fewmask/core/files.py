"""Files that are either whole or absent, even on a full disk."""

import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from fewmask.core.errors import FewmaskError
from fewmask.core.paths import CHECKPOINT

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""Errors that only writing raises: a full disk, a quota, a limit to the size of files, a read-only
disk."""

PARTIAL = ".partial"
"""The end of the names of half-written files, before their suffix."""

STEM_CHARACTERS = 50
"""The number of characters of a file's name in its temporary name, which must not get too long."""

PROBE_BYTES = 2**20


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name to write to; renamed to ``path`` when the block ends without an error.

    Readers see the old file or the new one, never a part. The folder is made if it is missing. What
    killed writers of the same file left behind is removed.

    Raises FewmaskError: the file cannot be written. On a full disk, every error of the block
    becomes this one, for many libraries raise errors of their own there.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers_of(path)
        temporary, lock = _open_partial(path)
    try:
        with _explained_where_full(path, temporary):
            yield temporary
        with explained(path):
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()
        os.close(lock)


def _open_partial(path: Path) -> tuple[Path, int]:
    """A new file to write to, and the descriptor that locks it as long as its writer lives."""
    while True:
        # The suffix tells writers the format.
        lock, name = tempfile.mkstemp(PARTIAL + path.suffix, _beginning(path), path.parent)
        with suppress(OSError):  # where there are no locks, leftovers stay
            fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(name):
            return Path(name), lock
        os.close(lock)  # removed as a leftover before it was locked


def _beginning(path: Path) -> str:
    return f".{path.stem[:STEM_CHARACTERS]}."


def _remove_leftovers_of(path: Path) -> None:
    """Remove what killed writers of one file left behind."""
    for leftover in _first_partials(path.parent.absolute()):
        if leftover.name.startswith(_beginning(path)) and leftover.suffix == path.suffix:
            _remove_if_dead(leftover)


@cache
def _first_partials(folder: Path) -> list[Path]:
    """The half-written files in a folder when this process first wrote there.

    Listing the folder each time would take long where a process writes thousands of files.
    """
    return _partials(folder)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in a folder, but not the files that are being written."""
    for leftover in _partials(folder):
        _remove_if_dead(leftover)


def _partials(folder: Path) -> list[Path]:
    return [path for path in folder.glob(f".*{PARTIAL}*") if path.stem.endswith(PARTIAL)]


def _remove_if_dead(partial: Path) -> None:
    # A lock is reliable; a process number may be of another node, or in use again.
    with suppress(OSError), partial.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        partial.unlink()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError into a FewmaskError which says that ``path`` cannot be written."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from None


@contextmanager
def _explained_where_full(path: Path, temporary: Path) -> Iterator[None]:
    try:
        yield
    except FewmaskError:
        raise
    except Exception as error:
        is_clear = isinstance(error, OSError) and error.errno in NO_ROOM
        failure = error if is_clear else _failure_of_writing(temporary)
        if failure is None:
            raise
        raise cannot_write(path, failure) from None


def _failure_of_writing(temporary: Path) -> OSError | None:
    """The error of writing to a file; None if it can be written to."""
    try:
        with temporary.open("ab") as file:
            file.write(bytes(PROBE_BYTES))
    except OSError as error:
        return error
    return None


def cannot_write(path: object, error: OSError) -> FewmaskError:
    """An error which says what cannot be written, why, and how to mend it."""
    in_its_place = (NotADirectoryError, FileExistsError, IsADirectoryError)
    mend = "free space there, or permissions"
    if isinstance(error, in_its_place):
        mend = "move away what is in its place"
    return FewmaskError(f"{path}: cannot be written: {error}\n  mend: {mend}")


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def check_folder(path: Path, holds: str) -> None:
    """Check that a path is a folder or can become one.

    Raises FewmaskError: it is a file, or lies in one.
    """
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


def remove_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a finished stage, in its ``folder``, if there is one.

    For jobs that read the stage: they only start when Snakemake has taken note of its weights.
    """
    path = folder / CHECKPOINT
    if not path.is_dir():
        path.unlink(missing_ok=True)
