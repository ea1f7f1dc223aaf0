"""What the masks of a folder hold: values or colours, and the classes that these may mean."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewmask import IGNORE
from fewmask.data.preparation.decode import raw_mask
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.readers.nifti.volume import is_volume, labels_in, voxels

MOST_VALUES = 64
"""Files with more values or colours are no masks."""
LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif", ".webp")


def look_like_masks(paths: Sequence[Path]) -> bool:
    """Whether files hold few values, as masks do and photographs do not. Those that cannot be read
    as a mask say nothing, unless none can."""
    if any(path.suffix.lower() in LOSSY for path in paths):
        return False
    counts = []
    for path in paths:
        with suppress(ImageError):
            counts.append(len(values_in(path)))
    return bool(counts) and all(0 < count <= MOST_VALUES for count in counts)


def values_in(path: Path) -> Counter[int | tuple[int, ...]]:
    """How many pixels have each value or colour; those of a volume are counted until there are too
    many for a mask. Raises ImageError."""
    if is_volume(path):
        return _values_in_volume(path)
    raw = raw_mask(path)
    values, counts = np.unique(raw.reshape(-1, *raw.shape[2:]), axis=0, return_counts=True)
    keys = values.tolist() if raw.ndim == 2 else map(tuple, values.tolist())
    return Counter(dict(zip(keys, counts.tolist(), strict=True)))


def _values_in_volume(path: Path) -> Counter[int]:
    found: Counter[int] = Counter()
    for place in range(voxels(path).shape[2]):
        labels = labels_in(path, voxels(path)[:, :, place])
        found.update(dict(zip(*map(np.ndarray.tolist, np.unique_counts(labels)), strict=True)))
        if len(found) > MOST_VALUES:
            break
    return found


@dataclass(frozen=True)
class MaskClasses:
    """The keys of a dataset's YAML about its classes, and the share of pixels of each class."""

    classes: list[str | dict[str, object]]
    shares: list[float]
    mask_values: dict[int, str] | None = None


def classes_of(paths: Sequence[Path]) -> MaskClasses:
    """The classes that the values in masks may mean. Raises ImageError."""
    pixels: Counter[int | tuple[int, ...]] = Counter()
    for path in paths:
        pixels += values_in(path)
    if any(isinstance(one, tuple) for one in pixels) and not _are_grey(pixels):
        return _of_colours(pixels)
    return _of_values({one[0] if isinstance(one, tuple) else one: n for one, n in pixels.items()})


def _are_grey(pixels: Counter) -> bool:
    return all(len({*colour}) == 1 for colour in pixels)


def _of_colours(pixels: Counter) -> MaskClasses:
    total, colours = pixels.total(), sorted(pixels)
    classes = [{"name": f"class_{i}", "colour": [*one]} for i, one in enumerate(colours)]
    return MaskClasses(classes, [pixels[one] / total for one in colours])


def _of_values(pixels: dict[int, int]) -> MaskClasses:
    values = sorted(pixels)
    ignored = [IGNORE] if IGNORE in values and len(values) > 2 else []
    known = [one for one in values if one not in ignored]
    names = {one: f"class_{one}" for one in known}
    if known[0] == 0 or len(known) == 2:
        names[known[0]] = "background"
    if len(known) == 2:
        names[known[1]] = "foreground"
    total = sum(pixels[one] for one in known)
    plain = known == [*range(len(known))]
    meanings = names | dict.fromkeys(ignored, "ignore")
    shares = [pixels[one] / total for one in known]
    return MaskClasses([names[one] for one in known], shares, None if plain else meanings)
