"""CIFAR-10 (Krizhevsky, 2009) in its official Python pickles, without masks.

The files are ``cifar-10-batches-py/data_batch_1`` to ``data_batch_5`` and ``test_batch``. Each is a
dictionary with ``data``, uint8 (N, 3072), one image of 32 x 32 pixels per row (all red, all green,
all blue values), and ``labels``, N numbers from 0 to 9.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import ImageError, image_error
from fewmask.data.readers.cifar10.pickled import StoredArray, read_pickle
from fewmask.data.readers.reader import Item, Sample

FOLDER = "cifar-10-batches-py"
BATCHES = {f"data_batch_{i}": "train" for i in range(1, 6)} | {"test_batch": "test"}
CATEGORIES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
SHAPE = (3, 32, 32)


class Reader:
    """The images of all batches in their order, named ``data_batch_1/00012``."""

    categories = CATEGORIES

    def __init__(self, settings: Dataset, root: Path) -> None:
        self._folder = root / FOLDER

    def items(self) -> list[Item]:
        return [
            Item(f"{batch}/{i:05d}", subset, category, self._folder / batch)
            for batch, subset in BATCHES.items()
            for i, category in enumerate(_read(self._folder / batch)[1])
        ]

    def load(self, item: Item) -> Sample:
        index = int(item.name.rpartition("/")[2])
        return Sample(_read(item.image)[0][index], category=item.category)


@lru_cache(maxsize=1)  # of 30 MB each; images come in the order of the batches
def _read(path: Path) -> tuple[np.ndarray, list[int]]:
    """The images of a batch, uint8 (N, 32, 32, 3), and their categories."""
    try:
        batch = read_pickle(path)
    except FileNotFoundError:
        raise FewmaskError(
            f"{path}: no such file\n"
            f"  expected: {FOLDER}/ with {', '.join(BATCHES)}\n"
            f"  mend: unpack cifar-10-python.tar.gz there (the python version, not the binary one)"
        ) from None
    images, labels = _images(batch, path), _labels(batch, path)
    if len(labels) != len(images):
        raise _wrong(
            path, f"{len(images)} images and {len(labels)} labels", "as many labels as images"
        )
    return images, labels


def _images(batch: Any, path: Path) -> np.ndarray:
    stored = batch.get(b"data") if isinstance(batch, dict) else None
    pixels = stored.array() if isinstance(stored, StoredArray) else None
    length = int(np.prod(SHAPE))
    if pixels is None or pixels.dtype != np.uint8 or pixels.shape[1:] != (length,):
        found = "no array" if pixels is None else f"{pixels.dtype} {pixels.shape}"
        raise _wrong(path, f"{found} under 'data'", f"uint8 (N, {length})")
    return np.ascontiguousarray(pixels.reshape(-1, *SHAPE).transpose(0, 2, 3, 1))


def _labels(batch: dict, path: Path) -> list[int]:
    labels = batch.get(b"labels")
    known = range(len(CATEGORIES))
    if not isinstance(labels, list) or not all(type(i) is int and i in known for i in labels):
        raise _wrong(path, "no list of classes under 'labels'", "a list of numbers from 0 to 9")
    return labels


def _wrong(path: Path, found: str, expected: str) -> ImageError:
    return image_error(path, found, expected, mend="unpack the official archive again")
