"""A folder of pictures and, for some or all of them, masks.

Patterns say which files: ``*`` stands for anything within a name, ``**`` for folders of any depth.
What the stars of two patterns stand for pairs a picture with its mask. A picture without a mask is
unlabelled, and welcome (unless ``masks_required``); a mask without a picture is a mistake.
"""

import glob
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from fewmask.config.dataset import Dataset
from fewmask.data.decode import mask_code, read_image, read_pair
from fewmask.data.readers import Item, Sample
from fewmask.errors import FewmaskError


class Reader:
    """The pictures of a folder, sorted by name with numbers in numerical order."""

    categories = ()

    def __init__(self, settings: Dataset, root: Path) -> None:
        self._root = root
        self._reader = settings.reader
        self._code = mask_code(settings)

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
        # Unlabelled pictures are named by their whole path below the root, so that images/1.jpg
        # and extra/1.jpg are not taken for one another.
        items += [Item(self._path_name(path), image=path) for path in extra.values()]
        return sorted(items, key=lambda item: _natural(item.name))

    def load(self, item: Item) -> Sample:
        if item.mask is None:
            return Sample(read_image(item.image))
        return Sample(*read_pair(item.image, item.mask, self._code))

    def _path_name(self, path: Path) -> str:
        return path.relative_to(self._root).with_suffix("").as_posix()

    def _find(self, key: str, pattern: str | None, but: Iterable[Path] = ()) -> dict[str, Path]:
        """The file of every name that a pattern gives, ``but`` those that have another part."""
        if pattern is None:
            return {}
        matches = list(_matches(self._root, pattern))
        taken, found = set(but), {}
        for name, path in matches:
            if path in taken:
                continue
            if name in found:
                raise FewmaskError(
                    f"reader.{key}: {found[name]} and {path} have the same name, {name}\n"
                    f"  mend: rename or remove one, or narrow the pattern {pattern}"
                )
            found[name] = path
        if not matches:
            raise FewmaskError(
                f"reader.{key}: no file is like {pattern} below {self._root}\n"
                f"  found there: {_some(sorted(path.name for path in self._root.iterdir()))}\n"
                f"  mend: correct the pattern (* within a name, ** for folders of any depth)"
            )
        return found

    def _check_pairs(self, images: dict[str, Path], masks: dict[str, Path]) -> None:
        lonely = [name for name in masks if name not in images]
        if lonely:
            raise FewmaskError(
                f"{masks[lonely[0]]}: this mask has no picture "
                f"({len(lonely)} of {len(masks)} masks have none)\n"
                f"  expected: a picture {self._reader.images} whose stars stand for {lonely[0]}\n"
                f"  found: pictures whose stars stand for {_some(list(images), 3) or 'nothing'}\n"
                f"  mend: correct the patterns reader.images and reader.masks, or take the mask out"
            )


def _matches(root: Path, pattern: str) -> Iterator[tuple[str, Path]]:
    """The files that a pattern stands for, each with what its stars stand for."""
    pattern = f"{pattern}/*" if pattern.endswith("**") else pattern
    literal = re.sub(r"[\[?]", r"[\g<0>]", pattern)  # only stars are special
    for path in sorted(glob.glob(literal, root_dir=root, recursive=True)):
        match = _expression(pattern).fullmatch(Path(path).as_posix())
        if match and _is_meant(root / path, pattern):
            yield "/".join(part for part in match.groups() if part), root / path


def _expression(pattern: str) -> re.Pattern[str]:
    """A regular expression whose groups are what the stars stand for.

    A bare star at the end leaves the file's ending out.
    """
    bare = pattern.endswith("*")
    text = re.escape(pattern.removesuffix("*"))
    text = text.replace(r"\*\*/", "(?:(.*)/)?").replace(r"\*", "([^/]*)")
    return re.compile(text + (r"([^/]*?)(?:\.[^./]*)?" if bare else ""))


def _is_meant(path: Path, pattern: str) -> bool:
    """A pattern without an ending also finds files that are no pictures: leave those out."""
    if not pattern.endswith("*"):
        return path.is_file()
    from PIL import Image

    return path.suffix.lower() in Image.registered_extensions() and path.is_file()


def _some(names: list[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _natural(name: str) -> list[str | int]:
    """A key by which ``frame_2`` comes before ``frame_10``."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]
