"""NYU Depth v2 (Silberman, Hoiem, Kohli and Fergus, 2012) in its official file.

``nyu_depth_v2_labeled.mat`` is HDF5, with all arrays transposed: ``images`` uint8
(1449, 3, 640, 480), ``depths`` (gaps filled) and ``rawDepths`` (0 in the gaps) float32
(1449, 640, 480) in metres, ``labels`` uint16 (1449, 640, 480) with 0 = unlabelled. ``splits.mat``
beside it, if it is there, has the official subsets train and test.

The raw labels, 1 to 894, become 40 or 13 by ``classMapping40.mat`` and ``class13Mapping.mat``, if
they are wanted.

The file has no normals: they are derived from the depths with the camera of the toolbox.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.mask_code import mask_code
from fewmask.data.readers.normals_from_depth import Camera, normals_from_depth
from fewmask.data.readers.nyuv2_mtan.reader import clean_depth
from fewmask.data.readers.reader import Item, Sample

FILE, SPLITS = "nyu_depth_v2_labeled.mat", "splits.mat"
MAPS = {"raw": (), "nyu40": ("classMapping40.mat",)}
MAPS["nyu13"] = (*MAPS["nyu40"], "class13Mapping.mat")
"""The files that make labels of other labels, one after the other."""
HIGHEST = {"raw": 894, "nyu40": 40, "nyu13": 13}
"""The highest label."""
# camera_params.m of the toolbox; Matlab counts pixels from 1.
CAMERA = Camera(518.85790, 519.46961, 325.58245 - 1, 253.73617 - 1)
# With nearer neighbours the noise of the sensor dominates. On a rendered room 3 m deep, with the
# noise of a Kinect on its disparities, the median error of normals was 8.4 degrees at a reach of 5,
# 5.8 at 8 and 5.1 at 10.
REACH = 8


@dataclass(frozen=True)
class _Array:
    path: Path
    values: h5py.Dataset

    def at(self, index: int) -> np.ndarray:
        """The values of one image, transposed back: height, width, channels."""
        try:
            return self.values[index].T
        except OSError as error:
            raise ImageError(_explain(self.path, f"damaged data ({error})")) from None


class Reader:
    """The images in the order of the file, named 0001 to 1449 as in the toolbox."""

    categories = ()

    def __init__(self, settings: Dataset, root: Path) -> None:
        self._path, self._splits = root / FILE, root / SPLITS
        self._reader = settings.reader
        self._table = _table(settings, root) if settings.classes else None

    def items(self) -> list[Item]:
        subsets = _read_splits(self._splits)
        mask = self._path if self._table is not None else None
        return [
            Item(f"{i:04d}", subsets.get(i, ""), image=self._path, mask=mask)
            for i in range(1, 1 + len(self._images.values))
        ]

    def load(self, item: Item) -> Sample:
        index = int(item.name) - 1
        depth = clean_depth(self._depths.at(index))
        derive = self._reader.normals == "derived"
        truth = {"depth": depth}
        if derive:
            truth["normal"] = normals_from_depth(depth, CAMERA, REACH)
        if self._table is not None:
            truth["mask"] = self._mask(index)
        return Sample(self._images.at(index), truth)

    def _mask(self, index: int) -> np.ndarray:
        labels = self._labels.at(index)
        if labels.max() >= len(self._table):
            raise ImageError(_explain(self._path, f"label {labels.max()} in image {index + 1}"))
        return self._table[labels]

    @cached_property
    def _file(self) -> h5py.File:
        try:
            return h5py.File(self._path, "r", locking=False)
        except FileNotFoundError:
            raise FewmaskError(_explain(self._path, "no such file")) from None
        except OSError as error:
            raise FewmaskError(_explain(self._path, f"no whole HDF5 file ({error})")) from None

    @cached_property
    def _images(self) -> _Array:
        return self._array("images", np.uint8, 4)

    @cached_property
    def _depths(self) -> _Array:
        return self._array({"filled": "depths", "raw": "rawDepths"}[self._reader.depth], None, 3)

    @cached_property
    def _labels(self) -> _Array:
        return self._array("labels", np.uint16, 3)

    def _array(self, name: str, dtype: type | None, dimensions: int) -> _Array:
        values = self._file.get(name)
        if (
            not isinstance(values, h5py.Dataset)
            or values.ndim != dimensions
            or (dtype is not None and values.dtype != dtype)
        ):
            raise FewmaskError(_explain(self._path, f"{name}: {values}"))
        return _Array(self._path, values)


def _table(settings: Dataset, root: Path) -> np.ndarray:
    """The class index of every raw label, uint8; 255 for those that mask_values does not name."""
    labels = settings.reader.labels
    highest = HIGHEST[labels]
    if settings.mask_values is None:
        raise FewmaskError(
            "mask_values: not set\n"
            f"  expected: the classes of the labels 1 to {highest} of NYUv2 ({labels})\n"
            "  mend: set it (labels that it does not name are ignored), or leave out classes"
        )
    table = np.full(1 + highest, IGNORE, np.uint8)
    for value, index in mask_code(settings).values.items():
        if not 0 <= value <= highest:
            raise FewmaskError(f"mask_values: found {value}\n  expected: 0 to {highest}")
        table[value] = index
    for file in reversed(MAPS[labels]):
        table = table[_read_map(root / file, most=len(table) - 1)]
    return table


def _read_map(path: Path, most: int) -> np.ndarray:
    """The label that every label becomes, int64, from that of 0, which stays; at most ``most``."""
    from scipy.io import loadmat

    try:
        with path.open("rb") as file:
            found = loadmat(file)
        given = found["mapClass"] if "mapClass" in found else found["classMapping13"][0, 0][0]
        labels = np.insert(np.asarray(given).ravel().astype(np.int64), 0, 0)
        if labels.min() < 0 or labels.max() > most:
            raise ValueError(f"labels from {labels.min()} to {labels.max()}")
    # A damaged file raises nearly anything.
    except Exception as error:
        raise FewmaskError(
            f"{path}: found {type(error).__name__}: {error}\n"
            f"  expected: {path.name} as published, with labels up to {most}\n"
            f"  mend: fetch it (github.com/VainF/nyuv2-python-toolkit has a copy), or set "
            f"reader.labels: raw"
        ) from None
    return labels


def _read_splits(path: Path) -> dict[int, str]:
    """The official subset of every image, counted from 1; empty without the file."""
    if not path.exists():
        return {}
    from scipy.io import loadmat

    try:
        splits = loadmat(path, variable_names=["trainNdxs", "testNdxs"])
        numbers = {name: splits[f"{name}Ndxs"].ravel().tolist() for name in ("train", "test")}
    # A damaged file raises nearly anything.
    except Exception as error:
        raise FewmaskError(
            f"{path}: found {type(error).__name__}: {error}\n"
            f"  expected: the official splits.mat with trainNdxs and testNdxs\n"
            f"  mend: fetch it again, or remove it and set split to shares"
        ) from None
    return {int(number): subset for subset, ones in numbers.items() for number in ones}


def _explain(path: Path, found: str) -> str:
    return (
        f"{path}: found {found}\n"
        f"  expected: the official {FILE}: images, depths, rawDepths and labels as HDF5\n"
        f"  mend: put it there (2.8 GB), or fetch it again"
    )
