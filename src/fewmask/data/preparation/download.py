"""Fetches the files of a dataset that is free to download, unless they are there."""

import shutil
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fewmask.config.dataset import Dataset, Download
from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole
from fewmask.core.paths import data_folder
from fewmask.data.readers.reader import has_files


def download(settings: Dataset, receipt: Path) -> None:
    """Fetch and unpack a dataset's archives to its folder, and write a receipt.

    The folder appears once everything is there; what was fetched before an error is kept beside it
    and is not fetched again. A folder that holds files is left unchanged, and the receipt says so.

    Raises:
        FewmaskError: the dataset names no download, the server does not answer, an archive has
            another checksum, or permission or space is lacking.
    """
    if settings.root is None:
        raise FewmaskError(f"the reader {settings.reader.name} has no files to download")
    root = data_folder() / settings.root
    with _explained(root):
        if has_files(root):
            lines = ["found: nothing was downloaded"]
        else:
            lines = _fetch_all(settings.download, root)
        with written_whole(receipt) as path:
            date = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            path.write_text("\n".join([f"folder: {root.resolve()}", *lines, f"date: {date}", ""]))


def _fetch_all(archives: list[Download], root: Path) -> list[str]:
    """Fill ``root``, one process at a time; returns the lines of the receipt."""
    from filelock import FileLock

    if not archives:
        raise FewmaskError(
            f"{root}: no such folder, and the dataset names no download\n"
            f"  mend: put the files there, or set FEWMASK_DATA to the folder that holds {root.name}"
        )
    beside = root.with_name(f".{root.name}.download")
    beside.mkdir(parents=True, exist_ok=True)
    # Several datasets may share a folder (the same images at two sizes).
    with FileLock(root.with_name(f".{root.name}.lock")):
        if has_files(root):
            return ["found: another process downloaded it"]
        # A folder for each, because archives from two places may have the same name.
        fetched = [_fetch(one, beside / str(i), root) for i, one in enumerate(archives, start=1)]
        unpacked = beside / "unpacked"
        shutil.rmtree(unpacked, ignore_errors=True)
        for archive in fetched:
            print(f"unpacking {archive.name}", file=sys.stderr)
            _unpack(archive, unpacked)
        unpacked.rename(root)
        shutil.rmtree(beside)
    return [f"downloaded: {one.url} {one.checksum}" for one in archives]


def _fetch(archive: Download, folder: Path, root: Path) -> Path:
    """The file of the archive, fetched or resumed unless it is in ``folder`` and whole."""
    import pooch
    from requests import RequestException

    from fewmask.data.preparation.resuming import Resuming

    name = Path(unquote(urlsplit(archive.url).path)).name
    pooch.get_logger().setLevel("WARNING")
    by_hand = (
        f"  mend: try again later; or fetch it elsewhere and put it at {folder / name};\n"
        f"  or put the unpacked files into {root}"
    )
    get = Resuming(folder / f"{name}.part")
    try:
        return Path(pooch.retrieve(archive.url, archive.checksum, name, folder, None, get))
    except RequestException as error:
        kept = f"  kept: {get.size:,} bytes, from which the next attempt resumes\n"
        raise FewmaskError(
            f"{archive.url}: cannot be fetched: {error}\n{kept if get.size else ''}{by_hand}"
        ) from None
    except ValueError:  # what pooch raises for a wrong checksum
        raise FewmaskError(
            f"{archive.url}: the file does not match its checksum\n"
            f"  expected: {archive.checksum}\n{by_hand}"
        ) from None


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar or zip archive into ``folder``, and nothing outside it; move any other file."""
    folder.mkdir(exist_ok=True)
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as file:
                _check_names(file.namelist(), archive)
                file.extractall(folder)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as file:
                file.extractall(folder, filter="data")
        else:
            shutil.move(archive, folder / archive.name)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise FewmaskError(
            f"{archive}: cannot be unpacked: {error}\n"
            f"  mend: if the checksum is that of this file, the dataset's YAML names a wrong one"
        ) from None


def _check_names(names: list[str], archive: Path) -> None:
    for name in names:
        if name.startswith("/") or ".." in name.replace("\\", "/").split("/"):
            raise FewmaskError(f"{archive}: holds {name!r}, which would be outside the folder")


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FewmaskError(
            f"{error.filename or root}: {error.strerror or error}\n"
            f"  mend: permission or space there; or set FEWMASK_DATA to a folder that you may "
            f"write to, or that holds {root.name}"
        ) from None
