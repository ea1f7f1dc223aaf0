"""The F3 facies benchmark: seismic volumes and their rock layers, cut into vertical slices.

A volume is inlines x crosslines x depth. A slice along an inline is as wide as there are
crosslines, a slice along a crossline as wide as there are inlines; both are as high as the volume
is deep, with the surface on top. Volumes stay on disk: only the slices are read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.mask_code import mask_code, to_classes
from fewmask.data.readers.f3_facies.settings import F3FaciesSettings
from fewmask.data.readers.reader import Item, Sample

AXES = {"inline": 0, "crossline": 1}
FOLDERS = {"train": "train", "test1": "test_once", "test2": "test_once"}
VALIDATION = "validation"
INSIDE_ARCHIVE = "data"


@dataclass(frozen=True)
class _Volume:
    """A part of the files of a volume that is cut into slices by itself."""

    name: str
    seismic: Path
    labels: Path
    first: int  # inline in the files
    shape: tuple[int, int, int]  # inlines, crosslines, depth


class Reader:
    """The slices of the volumes, each volume's inlines before its crosslines."""

    categories = ()

    def __init__(self, settings: Dataset, root: Path) -> None:
        inside = root / INSIDE_ARCHIVE
        self._root = inside if inside.is_dir() else root
        self._reader = settings.reader
        self._code = mask_code(settings)
        self._volumes: dict[str, _Volume] = {}

    def items(self) -> list[Item]:
        return [item for volume in self._all_volumes().values() for item in self._slices(volume)]

    def load(self, item: Item) -> Sample:
        seismic = self._slice(item, item.image)
        if not np.isfinite(seismic).all():
            raise ImageError(
                f"{item.image}, {item.name}: found numbers that are not finite\n"
                f"  expected: amplitudes\n  mend: fetch the file again"
            )
        grey = to_grey(seismic, self._reader.clip)
        labels = self._slice(item, item.mask)
        mask = to_classes(_whole(labels, item), self._code, f"{item.mask}, {item.name}")
        return Sample(np.repeat(grey[..., None], 3, axis=2), {"mask": mask})

    def _slices(self, volume: _Volume) -> Iterator[Item]:
        for direction in self._directions(volume):
            subset = f"{volume.name}_{direction}"
            for i in range(volume.shape[AXES[direction]]):
                name = f"{subset}_{i:03d}"
                yield Item(name, subset, image=volume.seismic, mask=volume.labels)

    def _directions(self, volume: _Volume) -> list[str]:
        if volume.name == VALIDATION:  # with so few inlines, crosslines would be slivers
            return ["inline"]
        return [one for one in AXES if self._reader.slices in ("both", f"{one}s")]

    def _slice(self, item: Item, path: Path) -> np.ndarray:
        """Depth x width of an item in one of its volume's files."""
        name, direction, index = item.name.split("_")
        volume = self._all_volumes()[name]
        # Mapped again for every slice: the pages of a mapped file that were read count as memory.
        part = _map(path)[volume.first : volume.first + volume.shape[0]]
        return np.array(np.moveaxis(part, AXES[direction], 0)[int(index)].T)

    def _all_volumes(self) -> dict[str, _Volume]:
        if not self._volumes:
            whole = [self._volume(name, folder) for name, folder in FOLDERS.items()]
            parts = [*_divided(whole[0], self._reader), *whole[1:]]
            self._volumes = {part.name: part for part in parts}
        return self._volumes

    def _volume(self, name: str, folder: str) -> _Volume:
        seismic, labels = (
            self._root / folder / f"{name}_{kind}.npy" for kind in ("seismic", "labels")
        )
        shape, found = _map(seismic).shape, _map(labels).shape
        if found != shape:
            raise FewmaskError(
                f"{labels}: found a volume of {_size(found)}\n"
                f"  expected: {_size(shape)}, the size of {seismic}\n"
                f"  mend: fetch both files again"
            )
        return _Volume(name, seismic, labels, 0, shape)


def to_grey(amplitudes: np.ndarray, clip: float) -> np.ndarray:
    """Amplitudes from -clip to clip as uint8: 0 becomes 128, in all volumes alike."""
    unit = np.clip(amplitudes.astype(np.float32) / clip, -1, 1)
    return np.floor(unit * 127.5 + 128).clip(0, 255).astype(np.uint8)


def _divided(train: _Volume, reader: F3FaciesSettings) -> list[_Volume]:
    """The training volume, divided into its training and validation parts."""
    count, (inlines, *others) = reader.validation_inlines, train.shape
    if not count:
        return [train]
    if count >= inlines:
        raise FewmaskError(
            f"reader.validation_inlines: found {count}\n"
            f"  expected: fewer than the {inlines} inlines of {train.seismic}\n"
            f"  mend: lower it"
        )
    rest = inlines - count
    return [
        _Volume("train", train.seismic, train.labels, 0, (rest, *others)),
        _Volume(VALIDATION, train.seismic, train.labels, rest, (count, *others)),
    ]


def _map(path: Path) -> np.ndarray:
    """The volume in a file, which is mapped into memory instead of read."""
    try:
        volume = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        problem = "no such file"
    except (OSError, ValueError, EOFError) as error:
        problem = f"cannot be read: {error}"
    else:
        if isinstance(volume, np.ndarray) and volume.ndim == 3 and volume.dtype.kind in "iuf":
            return volume
        problem = "found something other than a volume of numbers"
    raise FewmaskError(
        f"{path}: {problem}\n"
        f"  expected: the official layout: train/train_seismic.npy and train_labels.npy,\n"
        f"  test_once/test1_*.npy and test2_*.npy, each inlines x crosslines x depth\n"
        f"  mend: unpack data.zip of zenodo.org/record/3755060"
    )


def _whole(labels: np.ndarray, item: Item) -> np.ndarray:
    """Labels as int64, whatever they are stored as."""
    whole = labels.astype(np.int64)
    if (whole != labels).any():
        raise ImageError(
            f"{item.mask}, {item.name}: found fractional numbers\n"
            f"  expected: classes\n  mend: fetch the file again"
        )
    return whole


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
