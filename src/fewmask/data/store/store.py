"""The prepared dataset: one HDF5 file that is written whole or not at all.

    image         uint8   (N, H, W, 3)  one image per chunk, not compressed; of other channels than
                                        red, green and blue uint8, uint16 or float32 (N, H, W, C)
    FIELD         uint8 or float32      the truth of every task that the dataset gives, under the
                  (N, H, W) or          name of its field (see `fewmask.tasks`). ``mask``: class
                  (N, H, W, C)          indices, 255 = ignore; all 255: unlabelled
    extent        int32   (N, 2)        height and width of the part that is image, not padding
    size          int32   (N, 2)        height and width of the original image
    mask_digest   uint8   (N, 32)       of the mask at its own size (see `labels`), 0: it has none;
                                        absent where the dataset has no classes
    class_pixels  int64   (N, K)        labelled pixels of every class; 0 all along: unlabelled
    category      int64   (N,)          optional, index into the categories, -1 = not known
    name, subset  text    (N,)          the official subset, or nothing
    source        text    (N,)          only of tiles: the name of the image that it was cut from
    offset        int32   (N, 2)        only of tiles: their top and left in that image
    left_out      text    (M, 2)        optional, names of damaged images that are not here, why

Attributes: format, settings (JSON), classes (JSON), palette (K, 3), categories (JSON), fit, digest:
SHA-256 of the content of all rows in their order, and seal (see `fewmask.data.store.hdf5`). Pixels
have checksums, so that no reader sees others than those that were written.
"""

import hashlib
import json
from functools import cached_property
from typing import Any

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.config.named import dataset_from_json
from fewmask.config.task import fields
from fewmask.core.errors import FewmaskError
from fewmask.data.store import labels
from fewmask.data.store.hdf5 import read_rows, rows_per_block
from fewmask.data.store.images import StoredImages
from fewmask.data.store.sealed import SealedFile

FORMAT = 3
TASKS = fields()
PIXELS = ("image", *TASKS)
PER_ROW = ("extent", "size", "class_pixels", "mask_digest", "category", "offset")
REQUIRED = ("image", "extent", "size", "class_pixels", "name", "subset")


class Store(SealedFile):
    """A prepared dataset, open for reading; any number of processes may have it open.

    Raises FewmaskError if the file is missing, not a store, damaged, or of another format.
    """

    kind = "a dataset prepared by Fewmask"
    format_attribute, format = "format", FORMAT
    missing = "prepare the dataset (run the workflow)"
    mend = "delete it and prepare the dataset again (run the workflow, or fewmask prepare)"

    def __len__(self) -> int:
        return self._file["image"].shape[0]

    @cached_property
    def names(self) -> list[str]:
        """The unique name of every row."""
        return self._file["name"].asstr()[:].tolist()

    @property
    def is_tiled(self) -> bool:
        """Whether rows are tiles of images."""
        return "source" in self._file

    @cached_property
    def images(self) -> StoredImages:
        """The images that the rows are, or that they are tiles of."""
        if not self.is_tiled:
            return StoredImages(self.names)
        return StoredImages(self._file["source"].asstr()[:].tolist())

    @property
    def summary(self) -> str:
        """How many images it holds, in how many tiles, and with how many masks."""
        masked = np.count_nonzero(self.images.sum(self.labelled))
        tiles = f" ({len(self):,} tiles)" if self.is_tiled else ""
        return f"{len(self.images):,} images{tiles}, {masked:,} with masks"

    @cached_property
    def subsets(self) -> list[str]:
        """The official subset of every row, or an empty string."""
        return self._file["subset"].asstr()[:].tolist()

    @cached_property
    def left_out(self) -> list[tuple[str, str]]:
        """The damaged images that were left out: names and reasons."""
        if "left_out" not in self._file:
            return []
        return [(name, reason) for name, reason in self._file["left_out"].asstr()[:]]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the order of their indices; empty if there are no masks."""
        return tuple(json.loads(self._file.attrs["classes"]))

    @cached_property
    def palette(self) -> np.ndarray:
        """The colours of the classes, uint8 (K, 3)."""
        return self._file.attrs["palette"]

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories that an image may have; empty if images have none."""
        return tuple(json.loads(self._file.attrs["categories"]))

    @cached_property
    def extents(self) -> np.ndarray:
        """Height and width of the part of each row that is image, int32 (N, 2)."""
        return self._file["extent"][:]

    @cached_property
    def sizes(self) -> np.ndarray:
        """Height and width of the original images, int32 (N, 2)."""
        return self._file["size"][:]

    @cached_property
    def class_pixels(self) -> np.ndarray:
        """Labelled pixels of every class in every row, int64 (N, K)."""
        return self._file["class_pixels"][:]

    @cached_property
    def labelled(self) -> np.ndarray:
        """Which rows have a mask, bool (N,)."""
        return self.class_pixels.any(axis=1)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that ``read`` can read."""
        return tuple(field for field in (*PIXELS, *PER_ROW) if field in self._file)

    @property
    def height(self) -> int:
        """Height of all images in pixels."""
        return self._file["image"].shape[1]

    @property
    def width(self) -> int:
        """Width of all images in pixels."""
        return self._file["image"].shape[2]

    @property
    def image_type(self) -> str:
        """The type of the values of images: uint8, uint16 or float32."""
        return self._file["image"].dtype.name

    @property
    def image_bytes(self) -> int:
        """How much memory a pixel of an image takes."""
        return self._file["image"].dtype.itemsize * self._file["image"].shape[3]

    @property
    def dataset(self) -> str:
        """The name of the dataset."""
        return self._dataset[0]

    @property
    def dataset_settings(self) -> Dataset:
        """The settings with which the dataset was prepared."""
        return self._dataset[1]

    @cached_property
    def _dataset(self) -> tuple[str, Dataset]:
        return dataset_from_json(self.settings)

    @property
    def settings(self) -> str:
        """JSON of everything that shaped the store, see `JobArguments.prepare_settings`."""
        return self._file.attrs["settings"]

    @property
    def fit(self) -> str:
        """How images were brought to the size of the store: pad, crop or stretch."""
        return self._file.attrs["fit"]

    @property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        return self._file.attrs["digest"]

    def read(self, field: str, rows: np.ndarray | list[int] | None = None) -> np.ndarray:
        """The values of a field for ``rows`` in any order, with repeats; None: for all rows.

        Returns an array (len(rows), ...). Raises IndexError for rows outside 0 ... N - 1, and
        FewmaskError if the file is damaged there.
        """
        if field not in self.fields:
            raise FewmaskError(f"{self.path}: no field {field}; it has {', '.join(self.fields)}")
        data = self._file[field]
        try:
            values = data[:] if rows is None else read_rows(data, np.asarray(rows, np.int64))
        except OSError as error:
            raise self._damaged(error) from None
        if field in TASKS:
            self._check_truth(field, values)
        return values

    def verify(self) -> None:
        """Read everything. Raises FewmaskError if the content does not match the digest."""
        digest = hashlib.sha256()
        columns = {field: self.read(field) for field in PER_ROW if field in self.fields}
        pixels = [field for field in PIXELS if field in self.fields]
        length = rows_per_block(sum(self.read(field, [0]).nbytes for field in pixels))
        for start in range(0, len(self), length):
            rows = np.arange(start, min(start + length, len(self)))
            block = {field: self.read(field, rows) for field in pixels}
            for i in rows:
                row = {field: values[i] for field, values in columns.items()}
                arrays = {field: values[i - start] for field, values in block.items()}
                add_to_digest(digest, self.names[i], self.subsets[i], row, arrays)
        if digest.hexdigest() != self.digest:
            raise self.error("the content does not match its digest")

    def check_name(self) -> None:
        """Raise FewmaskError if the file is named after another dataset than the one it holds.

        Jobs are passed the file ``NAME.h5`` for the dataset NAME of the experiment.
        """
        if self.path.stem != self.dataset:
            raise self.error(
                f"found the dataset {self.dataset}\n"
                f"  expected: {self.path.stem}, as the file is called"
            )

    def _check_truth(self, field: str, values: np.ndarray) -> None:
        try:
            TASKS[field].check(values, len(self.classes))
        except ValueError as error:
            raise self.error(str(error)) from None

    def _check(self) -> None:
        of_labels = [labels.FIELD, labels.DIGEST] if self.classes else []
        expected = {*self.fields, *REQUIRED, *of_labels}
        lengths = {field: len(self._file[field]) for field in expected if field in self._file}
        if len(lengths) < len(expected) or len(set(lengths.values())) != 1:
            raise self.error(f"not whole: it holds {lengths}")


def add_to_digest(
    digest: Any, name: str, subset: str, columns: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    """Add a row to the digest: the shape before the bytes, so that different rows differ."""
    numbers = {field: np.asarray(value).tolist() for field, value in columns.items()}
    shapes = {field: [value.dtype.type.__name__, *value.shape] for field, value in arrays.items()}
    digest.update(json.dumps([name, subset, numbers, shapes], sort_keys=True).encode())
    for field in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[field]))
