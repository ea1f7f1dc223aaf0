"""What a folder of images holds, as far as settings depend on it (Isensee et al. 2021: nnU-Net)."""

import json
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
from fewmask.data.fingerprint.layout import find_reader
from fewmask.data.fingerprint.mask_values import MaskClasses, classes_of
from fewmask.data.preparation.decode import size_and_kind
from fewmask.data.readers.reader import Item, open_reader
from fewmask.data.splits.likely_groups import LikelyGroups, likely_groups

MOST_OPENED = 300
"""How many images and masks are opened at most, evenly spaced."""
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
    def groups(self) -> LikelyGroups | None:
        """The groups that the names of the images suggest."""
        return likely_groups([item.name for item in self.items])

    @property
    def longer_side(self) -> int:
        """The median of the longer sides, in pixels."""
        return int(np.median(self.sizes.max(axis=1)))


def fingerprint(data: Path, root: str) -> Fingerprint:
    """Look at the folder ``root`` below ``data``, the folder of all data.

    Raises FewmaskError: there are no images or no masks, files are damaged, or names do not agree.
    """
    reader = find_reader(data / root)
    settings = checked({"reader": reader, "root": root, "classes": PLACEHOLDERS}, data / root)
    items = open_reader(settings, data).items()
    masked = [item for item in items if item.mask is not None]
    if not masked:
        raise FewmaskError(f"{data / root}: no image has a mask\n  found: the reader {reader}")
    sizes, kinds, channels = zip(*(size_and_kind(item.image) for item in _some(items)), strict=True)
    if reader["name"] == "folder":
        classes = classes_of([item.mask for item in _some(masked)])
    else:
        classes = _labels(masked)
    usual = Counter(channels).most_common(1)[0][0]
    return Fingerprint(reader, items, np.array(sizes), Counter(kinds), usual, classes)


def checked(values: dict[str, Any], folder: Path) -> Dataset:
    """The settings of a dataset that were made of what is in a folder. Raises ConfigError where its
    name, its labels or its masks fit no settings."""
    return validate(Dataset, [Layer(f"the settings for {folder}", values)])


def _some(items: Sequence[Item]) -> Sequence[Item]:
    return items[:: -(-len(items) // MOST_OPENED)]


def _labels(items: Sequence[Item]) -> MaskClasses:
    """The labels of shapes as classes, after one for the rest; the most frequent ones first, so
    that rare ones lie on top."""
    counts = Counter(str(label) for item in items for label in _labels_of(item))
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
