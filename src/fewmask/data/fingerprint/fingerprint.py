"""What a folder of images holds, as far as settings depend on it (Isensee et al. 2021: nnU-Net)."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.config.layer import Layer
from fewmask.config.layers import validate
from fewmask.core.errors import FewmaskError
from fewmask.data.fingerprint import volumes
from fewmask.data.fingerprint.layout import find_reader
from fewmask.data.fingerprint.mask_values import MaskClasses, classes_of
from fewmask.data.preparation.decode import size_and_kind
from fewmask.data.readers.nifti.volume import is_volume
from fewmask.data.readers.reader import Item, open_reader
from fewmask.data.splits.likely_groups import LikelyGroups, likely_groups

MOST_OPENED = 300
"""How many images and masks are opened at most, evenly spaced."""
MOST_MASK_VOLUMES = 20
"""How many volumes of masks are read at most; each may take seconds."""
OF_VOLUME = "(.*)/"
"""What is a volume in the names of slices."""
PLACEHOLDERS = ["one", "other"]


@dataclass(frozen=True)
class Fingerprint:
    """What a folder of images holds."""

    reader: dict[str, Any]
    """The settings of the reader that reads it."""
    items: list[Item]
    sizes: np.ndarray
    """Height and width of some images, int (n, 2)."""
    kinds: Counter[str]
    """What kinds of pixels these have: by Pillow's names, or the type and number of channels."""
    channels: int | None
    """How many channels are read as they are stored; None: images are colours."""
    classes: MaskClasses

    @property
    def masks(self) -> int:
        """How many images have a mask."""
        return sum(item.mask is not None for item in self.items)

    @property
    def are_slices(self) -> bool:
        """Whether images are slices of volumes."""
        return self.reader["name"] == "nifti"

    @property
    def unit(self) -> str:
        """What an image is."""
        return "slices" if self.are_slices else "images"

    @property
    def groups(self) -> LikelyGroups | None:
        """The groups that the names of the images suggest; volumes are groups."""
        names = [item.name for item in self.items]
        if self.are_slices:
            return LikelyGroups(OF_VOLUME, Counter(name.rpartition("/")[0] for name in names))
        return likely_groups(names)

    @property
    def masked_groups(self) -> int:
        """In how many of these groups an image has a mask."""
        masked = [item.name for item in self.items if item.mask is not None]
        return len({re.search(self.groups.pattern, name)[1] for name in masked})

    @property
    def longer_side(self) -> int:
        """The median of the longer sides, in pixels."""
        return int(np.median(self.sizes.max(axis=1)))


def fingerprint(data: Path, root: str) -> Fingerprint:
    """Look at the folder ``root`` below ``data``, the folder of all data.

    Raises FewmaskError: there are no images or no masks, files are damaged, or names do not agree.
    """
    reader = find_reader(data / root)
    items = _items(reader, root, data)
    paths = _some([item.image for item in items], MOST_OPENED)
    if reader["name"] == "nifti":
        reader |= volumes.settings_of(paths)
        items = _items(reader, root, data)
        looks = [volumes.size_and_kind(path, reader["slices"]) for path in paths]
    else:
        looks = [size_and_kind(path) for path in paths]
    masked = [item for item in items if item.mask is not None]
    if not masked:
        raise FewmaskError(f"{data / root}: no image has a mask\n  found: the reader {reader}")
    sizes, kinds, channels = zip(*looks, strict=True)
    usual = Counter(channels).most_common(1)[0][0]
    return Fingerprint(reader, items, np.array(sizes), Counter(kinds), usual, _classes(masked))


def _items(reader: dict[str, Any], root: str, data: Path) -> list[Item]:
    settings = checked({"reader": reader, "root": root, "classes": PLACEHOLDERS}, data / root)
    return open_reader(settings, data).items()


def _classes(masked: Sequence[Item]) -> MaskClasses:
    """The classes of the values in masks, or of the labels of shapes."""
    first = masked[0].mask
    if first.suffix.lower() in (".json", ".xml"):
        return _labels(masked)
    most = MOST_MASK_VOLUMES if is_volume(first) else MOST_OPENED
    return classes_of(_some([item.mask for item in masked], most))


def checked(values: dict[str, Any], folder: Path) -> Dataset:
    """The settings of a dataset that were made of what is in a folder. Raises ConfigError where its
    name, its labels or its masks fit no settings."""
    return validate(Dataset, [Layer(f"the settings for {folder}", values)])


def _some(paths: Sequence[Path], most: int) -> Sequence[Path]:
    """Each path once, and so many at most."""
    each = list(dict.fromkeys(paths))
    return each[:: -(-len(each) // most)]


def _labels(items: Sequence[Item]) -> MaskClasses:
    """The labels of shapes as classes, after one for the rest; the most frequent ones first, so
    that rare ones lie on top."""
    counts = Counter(str(label) for item in items for label in _labels_of(item) if label)
    names = [name for name, _ in counts.most_common()]
    rest = [] if "background" in names else ["background"]
    return MaskClasses([*rest, *names], [])


def _labels_of(item: Item) -> list[Any]:
    """The labels of an image: of CVAT's shapes, COCO's, or those in a file of LabelMe."""
    if isinstance(item.annotation, tuple):
        return [values.get("label") for _, values in item.annotation[2]]
    if item.annotation is not None:
        of_segments = [
            one for _, segments in item.annotation["panoptic"] for one in segments.values()
        ]
        return [label for label, _ in item.annotation["shapes"]] + of_segments
    try:
        return [one["label"] for one in json.loads(item.mask.read_text("utf-8"))["shapes"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise FewmaskError(
            f"{item.mask}: found no shapes\n  expected: a file of LabelMe\n  mend: remove it"
        ) from None
