"""How the images and masks of a folder are read: a guess at the settings of a reader."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fewmask.core.errors import FewmaskError
from fewmask.data.fingerprint.mask_values import look_like_masks
from fewmask.data.preparation.image_files import files_in, folders_below, is_image
from fewmask.data.readers.nifti.volume import ENDINGS as VOLUMES
from fewmask.data.readers.nifti.volume import is_volume

TAG = re.compile(r"[_.-](?:[A-Za-z]+|[Tt][12][A-Za-z]*|\d{4})$")
"""What distinguishes masks from images in one folder: ``leaf_01_mask`` beside ``leaf_01``; or
images from each other: ``brain_01_t2``, ``brain_01_0000``."""
MOST_TAGS = 4
"""A folder with more such endings has names of another kind."""
TRIED = 5
"""How many files of a kind are opened to see whether they are masks."""
COVERED = 0.9
"""The share of masks that must have an image for two folders to be a pair."""


@dataclass(frozen=True)
class Kind:
    """Files in one folder with one ending, whose names end alike."""

    folder: PurePosixPath
    tag: str
    ending: str
    files: tuple[Path, ...]

    @property
    def stems(self) -> set[str]:
        """Their names without tag and ending, which are those of the images."""
        return {_stem(path).removesuffix(self.tag) for path in self.files}


def find_reader(root: Path) -> dict[str, Any]:
    """The settings of a reader for the folder ``root``.

    Raises FewmaskError if there are no images, or no masks and annotations.
    """
    files = [path for folder in folders_below(root) for path in files_in(folder)]
    if volumes := _kinds(root, [path for path in files if is_volume(path)]):
        return {"name": "nifti", **_with_masks(root, volumes)}
    images = _kinds(root, [path for path in files if is_image(path)])
    if not images:
        raise FewmaskError(
            f"{root}: no images in it\n"
            f"  mend: name the folder of the images; for other formats see docs/datasets.md"
        )
    of_text = [path for path in files if path.suffix.lower() in (".json", ".xml")]
    annotated = _with_annotations(root, images, of_text)
    return annotated or {"name": "folder", **_with_masks(root, images, of_text)}


def _kinds(root: Path, files: Sequence[Path]) -> list[Kind]:
    tags: dict[Path, Counter[str]] = defaultdict(Counter)
    for path in files:
        tags[path.parent][_tag(path)] += 1
    found: dict[tuple[Path, str, str], list[Path]] = defaultdict(list)
    for path in files:
        tag = _tag(path) if len(tags[path.parent]) <= MOST_TAGS else ""
        found[path.parent, tag, _ending(path)].append(path)
    return [
        Kind(
            PurePosixPath(folder.relative_to(root).as_posix()), tag, ending, tuple(sorted(of_kind))
        )
        for (folder, tag, ending), of_kind in sorted(found.items())
    ]


def _tag(path: Path) -> str:
    match = TAG.search(_stem(path))
    return match[0] if match else ""


def _stem(path: Path) -> str:
    return path.name.removesuffix(_ending(path))


def _ending(path: Path) -> str:
    """``.nii.gz`` of a compressed volume."""
    ending = next((one for one in VOLUMES if path.name.lower().endswith(one)), path.suffix)
    return path.name[len(path.name) - len(ending) :]


def _with_annotations(
    root: Path, images: list[Kind], files: Sequence[Path]
) -> dict[str, Any] | None:
    """The settings for the first file of annotations, if there is one."""
    for path in sorted(files, key=lambda one: (len(one.parts), one)):
        found = _reader_of(path)
        if found == "labelme":
            notes = _kinds(root, [one for one in files if one.suffix == path.suffix])
            return {"name": found, **_patterns(root, images, notes)}
        if found:
            folder = max(images, key=lambda kind: len(kind.files)).folder
            annotations = path.relative_to(root).as_posix()
            return {"name": found, "annotations": annotations, "images": folder.as_posix()}
    return None


def _reader_of(path: Path) -> str | None:
    """The reader of a file of annotations; None for a file of another kind."""
    try:
        if path.suffix.lower() == ".xml":
            beginning = path.read_bytes()[: 2**16]
            return "cvat" if b"<annotations" in beginning and b"<image " in beginning else None
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    keys = {*content} if isinstance(content, dict) else set()
    if {"images", "annotations"} <= keys:
        return "coco"
    return "labelme" if {"shapes", "imageHeight"} <= keys else None


def _with_masks(
    root: Path, images: list[Kind], no_annotations: Sequence[Path] = ()
) -> dict[str, str]:
    masks = [kind for kind in images if look_like_masks(_some(kind.files))]
    photos = [kind for kind in images if kind not in masks]
    if not masks or not photos:
        others = "".join(f"; no annotations in {path}" for path in no_annotations[:1])
        raise FewmaskError(
            f"{root}: found images, but no masks of them\n"
            f"  found: {', '.join(sorted({str(kind.folder) for kind in images}))}{others}\n"
            f"  expected: images, and masks of some of them: PNG, GIF, BMP, TIFF or NIfTI files "
            f"that hold few values, or annotations of COCO, CVAT or LabelMe\n"
            f"  mend: put both into one folder; for pretraining without masks see docs/datasets.md"
        )
    return _patterns(root, photos, masks)


def _some(files: Sequence[Path]) -> Sequence[Path]:
    return files[:: max(1, len(files) // TRIED)][:TRIED]


def _patterns(root: Path, images: list[Kind], masks: list[Kind]) -> dict[str, str]:
    """The patterns of images and masks whose names agree."""
    pairs = [(_image_of(mask, images), mask) for mask in masks]
    pairs = [(image, mask) for image, mask in pairs if image is not None]
    if not pairs:
        raise FewmaskError(
            f"{root}: the names of images and masks do not agree\n"
            f"  found: {masks[0].files[0].name} of a mask, and no image of this name\n"
            f"  expected: names that differ in folder, ending, or an ending such as _mask\n"
            f"  mend: rename them, or write the dataset's YAML by hand (docs/datasets.md)"
        )
    largest = max(pairs, key=lambda pair: len(pair[1].files))
    depths = {(len(image.folder.parts), len(mask.folder.parts)) for image, mask in pairs}
    if len(depths) > 1:
        pairs = [largest]
    paired = [image for image, _ in pairs]
    # A tag that a mask shares with its image is a part of the name.
    tag = "" if all(image.tag == mask.tag for image, mask in pairs) else None
    found = {"images": _pattern(paired, tag), "masks": _pattern([mask for _, mask in pairs], tag)}
    rest = [kind for kind in images if kind.folder not in {one.folder for one in paired}]
    if len({kind.folder for kind in rest}) == 1:
        found["unlabelled"] = _pattern(rest, "")
    return found


def _image_of(mask: Kind, images: list[Kind]) -> Kind | None:
    """The images that masks are of: those nearest in the tree with their names."""
    stems = mask.stems
    fitting = [
        kind
        for kind in images
        if kind is not mask and len(stems & kind.stems) >= COVERED * len(stems)
    ]

    def distance(kind: Kind) -> tuple[int, int]:
        shared = sum(a == b for a, b in zip(kind.folder.parts, mask.folder.parts, strict=False))
        return -shared, -len(kind.files)

    return min(fitting, key=distance, default=None)


def _pattern(kinds: list[Kind], tag: str | None = None) -> str:
    """A pattern that matches the files of all kinds."""
    columns = zip(*(kind.folder.parts for kind in kinds), strict=True)
    folders = "/".join(_common(column) for column in columns)
    endings = {kind.ending for kind in kinds}
    tags = {kind.tag for kind in kinds} if tag is None else {tag}
    ending = endings.pop() if len({one.lower() for one in endings}) == 1 else ""
    name = f"*{tags.pop() if len(tags) == 1 else ''}{ending}"
    return f"{folders}/{name}" if folders else name


def _common(parts: Sequence[str]) -> str:
    """One name, or what several begin and end with around a star."""
    if len({*parts}) == 1:
        return parts[0]
    ends = [_shared_beginning(parts), _shared_beginning([part[::-1] for part in parts])[::-1]]
    ends = ends if sum(map(len, ends)) <= min(map(len, parts)) else [ends[0], ""]
    return f"{ends[0]}*{ends[1]}"


def _shared_beginning(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first[: length if length is not None else min(len(first), len(last))]
