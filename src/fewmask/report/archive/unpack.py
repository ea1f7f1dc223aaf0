"""Reading an archive, whoever wrote it."""

import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from fewmask.core.errors import FewmaskError
from fewmask.core.files import explained
from fewmask.core.progress import bar
from fewmask.planning.requested import Requested
from fewmask.report.archive.format import (
    EXPERIMENT,
    FORMAT,
    LARGEST,
    MANIFEST,
    RESULTS,
    Manifest,
    digest,
)

DAMAGES = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError)
"""What reading an archive raises that is none, or is damaged."""


@contextmanager
def unpacked(archive: Path) -> Iterator[Requested]:
    """The experiment in an archive, whose results lie in a temporary folder as long as the block
    lasts.

    Raises FewmaskError: there is no such file, it is no archive, or it is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="fewmask-") as folder:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                manifest = _manifest(tar)
                _unpack(tar, manifest, Path(folder))
            text = (Path(folder) / EXPERIMENT).read_text(encoding="utf-8")
            requested = Requested.model_validate_json(text)
        except ValidationError as error:
            first: Any = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise _damaged(archive, f"{where}: {first['msg']}") from None
        except DAMAGES as error:
            raise _damaged(archive, str(error)) from None
        yield requested.model_copy(update={"results": f"{folder}/{RESULTS}"})


def _damaged(archive: Path, found: str) -> FewmaskError:
    return FewmaskError(
        f"{archive}: not an archive of results, or a damaged one: {found}\n"
        f"  mend: copy it again, or write it again with fewmask collect"
    )


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != MANIFEST:
        raise ValueError(f"it does not begin with {MANIFEST}")
    manifest = Manifest.model_validate_json(_read(tar, first))
    if manifest.format != FORMAT:
        raise ValueError(f"format {manifest.format}; this version reads format {FORMAT}")
    return manifest


def _unpack(tar: tarfile.TarFile, manifest: Manifest, folder: Path) -> None:
    """Write the files that the manifest names to a folder. Raises ValueError: others are there, one
    is missing, or one has changed."""
    lacking = dict(manifest.files)
    with bar("unpack", len(lacking)) as shown:
        while (entry := tar.next()) is not None:
            expected = lacking.pop(entry.name, None)
            parts = PurePosixPath(entry.name).parts
            if expected is None or ".." in parts or entry.name.startswith("/"):
                raise ValueError(f"it holds {entry.name!r}, which its manifest does not name")
            data = _read(tar, entry)
            if digest(data) != expected:
                raise ValueError(f"{entry.name} does not match its digest")
            target = folder.joinpath(*parts)
            with explained(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            shown.more(1)
    if lacking:
        raise ValueError(f"it lacks {len(lacking)} files, the first {min(lacking)}")


def _read(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    # Neither a link, a device nor a folder.
    if not entry.isreg() or entry.size > LARGEST:
        raise ValueError(f"{entry.name!r} is no file of at most {LARGEST} bytes")
    file = tar.extractfile(entry)
    data = b"" if file is None else file.read()
    if len(data) != entry.size:
        raise ValueError(f"{entry.name} is cut short")
    return data
