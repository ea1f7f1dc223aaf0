"""Finds image files: each file once, however many links lead to it."""

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from fewmask.core.errors import FewmaskError

FORMATS = ("JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP")
"""The formats that are opened, by their names in Pillow, whatever the ending of a file. Pillow
knows more formats, and for some of them it starts other programs (EPS: Ghostscript)."""

ENDINGS = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".tif", ".tiff", ".bmp", ".webp")
)


def is_image(path: Path, endings: Collection[str] = ENDINGS) -> bool:
    """Whether a file has the ending of an image, in upper or lower case."""
    return path.suffix.lower() in endings


def images_below(top: Path, endings: Collection[str] = ENDINGS) -> list[Path]:
    """The images in a folder and in all folders below it, sorted, without hidden ones.

    Raises FewmaskError for a folder without permission to read it.
    """
    files = (path for folder in folders_below(top) for path in files_in(folder))
    return each_once(sorted(path for path in files if is_image(path, endings)))


def each_once(paths: Iterable[Path]) -> list[Path]:
    """The paths in their order; of several that lead to one file, only the first that is not a
    link."""
    paths = list(paths)
    first: dict[str, Path] = {}
    for path in sorted(paths, key=os.path.islink):  # stable
        first.setdefault(real_path(path), path)
    kept = set(first.values())
    return [path for path in paths if path in kept]


def folders_below(top: Path) -> Iterator[Path]:
    """``top`` and all folders below it, each once, whatever links there are.

    Links come last, so that a folder that can be reached without them has its own path.
    """
    seen: set[str] = set()
    folders, links = deque([top]), deque()
    while folders or links:
        folder = (folders or links).popleft()
        if (real := _real_folder(folder)) not in seen:
            seen.add(real)
            yield folder
            for one in folders_in(folder):
                (links if one.is_symlink() else folders).append(one)


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, without hidden ones and links to a parent folder (loops)."""
    here = Path(_real_folder(folder))
    return [
        folder / entry.name
        for entry in _entries(folder)
        if os.path.isdir(entry)
        and not (entry.is_symlink() and here.is_relative_to(_real_folder(folder / entry.name)))
    ]


def files_in(folder: Path) -> list[Path]:
    """The files in a folder, without hidden ones. Broken links are among them: they are reported
    when they are read."""
    return [folder / entry.name for entry in _entries(folder) if not os.path.isdir(entry)]


def is_inside(path: Path, root: Path) -> bool:
    """Whether a file lies below ``root`` when all links are followed."""
    return Path(real_path(path)).is_relative_to(_real_folder(root))


def real_path(path: Path) -> str:
    """The path of a file when all links are followed."""
    if os.path.islink(path):
        return os.path.realpath(path)
    folder, name = os.path.split(path)
    return os.path.join(_real_folder(folder), name)


def _real_folder(folder: Path | str) -> str:
    return _cached_real_folder(os.path.abspath(folder))


@lru_cache(maxsize=2**16)
def _cached_real_folder(folder: str) -> str:
    """Likewise for a folder; cached, because it takes long and a folder holds many files."""
    return os.path.realpath(folder)


def _entries(folder: Path) -> list[os.DirEntry]:
    """The entries of a folder, sorted by name; none if there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError:
        raise FewmaskError(
            f"{folder}: no permission to look into this folder\n"
            f"  mend: chmod u+rx, or ask its owner"
        ) from None
    return sorted(shown, key=lambda entry: entry.name)
