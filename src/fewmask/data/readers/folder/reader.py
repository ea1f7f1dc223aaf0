"""A folder of images and, for some or all of them, masks.

Patterns select the files: ``*`` matches anything within a name, ``**`` matches folders of any
depth. The case of endings does not matter: ``*.jpg`` matches ``A.JPG``, too. The text that the
stars match pairs an image with its mask. An image without a mask is unlabelled (an error with
``masks_required``); a mask without an image is an error. A file counts as one image, however many
links lead to it.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import read_image, read_pair
from fewmask.data.preparation.image_files import (
    each_once,
    files_in,
    folders_below,
    folders_in,
    is_image,
    real_path,
)
from fewmask.data.preparation.mask_code import mask_code
from fewmask.data.readers.natural import natural
from fewmask.data.readers.reader import Item, Sample


class Reader:
    """The images of a folder, sorted by name with numbers in numerical order."""

    categories = ()

    def __init__(self, settings: Dataset, root: Path) -> None:
        self._root = root
        self._reader = settings.reader
        self._code = mask_code(settings)
        self._channels = settings.stored_channels

    def items(self) -> list[Item]:
        masks = self._find("masks", self._reader.masks)
        images = self._find("images", self._reader.images, but=masks.values())
        extra = self._find(
            "unlabelled", self._reader.unlabelled, but=[*images.values(), *masks.values()]
        )
        self._check_pairs(images, masks)
        items = [
            Item(name, image=path, mask=masks.get(name), needs_mask=self._reader.masks_required)
            for name, path in images.items()
        ]
        # Unlabelled images are named by their whole path below the root, so that images/1.jpg
        # and extra/1.jpg are not confused.
        items += [Item(self._path_name(path), image=path) for path in extra.values()]
        return sorted(items, key=lambda item: natural(item.name))

    def load(self, item: Item) -> Sample:
        if item.mask is None:
            return Sample(read_image(item.image, channels=self._channels))
        image, mask = read_pair(item.image, item.mask, self._code, channels=self._channels)
        return Sample(image, {"mask": mask})

    def _path_name(self, path: Path) -> str:
        return path.relative_to(self._root).with_suffix("").as_posix()

    def _find(self, key: str, pattern: str | None, but: Iterable[Path] = ()) -> dict[str, Path]:
        """The files that match a pattern, by name, without those in ``but``, which are used
        already."""
        if pattern is None:
            return {}
        matches = list(_matches(self._root, pattern))
        files = [path for _, path in matches]
        # Two images may share a mask through a link, but an image counts once.
        kept = set(files if key == "masks" else each_once(files))
        taken, by_name = {real_path(path) for path in but}, {}
        for name, path in matches:
            if path not in kept or real_path(path) in taken:
                continue
            if name in by_name:
                raise FewmaskError(
                    f"reader.{key}: {by_name[name]} and {path} have the same name, {name}\n"
                    f"  mend: rename or remove one, or narrow the pattern {pattern}"
                )
            by_name[name] = path
        if not matches:
            raise FewmaskError(
                f"reader.{key}: no file below {self._root} matches {pattern}\n"
                f"  found there: {_some(sorted(path.name for path in self._root.iterdir()))}\n"
                f"  mend: correct the pattern (* within a name, ** for folders of any depth)"
            )
        return by_name

    def _check_pairs(self, images: dict[str, Path], masks: dict[str, Path]) -> None:
        lonely = [name for name in masks if name not in images]
        if lonely:
            raise FewmaskError(
                f"{masks[lonely[0]]}: this mask has no image "
                f"({len(lonely)} of {len(masks)} masks have none)\n"
                f"  expected: an image {self._reader.images} whose stars match {lonely[0]}\n"
                f"  found: images whose stars match {_some(list(images), 3) or 'nothing'}\n"
                f"  mend: correct the patterns reader.images and reader.masks, or remove the mask"
            )


def _matches(root: Path, pattern: str) -> Iterator[tuple[str, Path]]:
    """The files that match a pattern, each after the text that the stars match."""
    pattern = PurePosixPath(f"{pattern}/*" if pattern.endswith("**") else pattern).as_posix()
    expression, bare = _expression(pattern), pattern.endswith("*")
    for path in sorted({*_candidates(root, pattern.split("/"))}):
        match = expression.fullmatch(path.relative_to(root).as_posix())
        # A pattern without an ending also matches files that are not images: these are left out.
        if match and (is_image(path) or not bare):
            yield "/".join(part for part in match.groups() if part), path


def _candidates(folder: Path, parts: list[str]) -> Iterator[Path]:
    """All files below ``folder`` that may match a pattern, which is split at its slashes."""
    first, *rest = parts
    if not rest:
        yield from files_in(folder)
    elif "*" not in first:
        yield from _candidates(folder / first, rest)
    else:
        for one in folders_below(folder) if first == "**" else folders_in(folder):
            yield from _candidates(one, rest)


def _expression(pattern: str) -> re.Pattern[str]:
    """A regular expression whose groups are the stars.

    A star at the very end does not include the file's ending. Endings match in any case, because
    cameras write .JPG.
    """
    text = _escaped(pattern.removesuffix("*"))
    if pattern.endswith("*"):
        return re.compile(text + r"([^/]*?)(?:\.[^./]*)?")
    rest, dot, ending = text.rpartition(r"\.")
    return re.compile(f"{rest}(?i:{dot}{ending})")


def _escaped(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*\*/", "(?:(.*)/)?").replace(r"\*", "([^/]*)")


def _some(names: list[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
