"""Writes the prepared dataset (see `fewmask.data.store.store`) whole or not at all."""

import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fewmask.config.named import dataset_from_json
from fewmask.core.errors import FewmaskError
from fewmask.core.files import explained, written_whole
from fewmask.data.preparation.mask_check import check_masks
from fewmask.data.preparation.rows import LeftOut, Row
from fewmask.data.store.hdf5 import WRITING, GrowingDataset, QuietFile, seal
from fewmask.data.store.labels import DIGEST, FIELD, class_pixels
from fewmask.data.store.store import FORMAT, PIXELS, TASKS, Store, add_to_digest

COLUMN_TYPES = {"extent": np.int32, "size": np.int32, "offset": np.int32, DIGEST: np.uint8}


class StoreWriter:
    """Writes a store under a temporary name; the final name appears once it is complete.

    Use it as a context manager and ``append`` the rows in their order. If the block ends with an
    exception, no file is left behind. Raises FewmaskError if the file cannot be written, or if a
    row has other shapes than the first one.
    """

    def __init__(self, path: Path, settings_json: str, categories: tuple[str, ...] = ()) -> None:
        self._path = path
        self._settings_json = settings_json
        self._name, self._settings = dataset_from_json(settings_json)
        self._categories = categories
        self._digest = hashlib.sha256()
        self._text: dict[str, list[str]] = {"name": [], "subset": []}
        self._columns: dict[str, list] = {}
        self._left_out: list[LeftOut] = []
        self._pixels: dict[str, GrowingDataset] = {}
        self._on_exit = ExitStack()

    def __enter__(self) -> "StoreWriter":
        with explained(self._path):
            self._partial = self._on_exit.enter_context(written_whole(self._path))
            self._raw = self._on_exit.enter_context(QuietFile(self._partial, "w+"))
            self._file = h5py.File(self._raw, "w", **WRITING)
        self._on_exit.push(self._close)
        return self

    def __exit__(self, *error: Any) -> None:
        with explained(self._path):
            self._on_exit.__exit__(*error)

    def append(self, row: Row) -> None:
        """Add one row."""
        arrays = {"image": row.image, **row.truth}
        arrays = {field: arrays[field] for field in PIXELS if field in arrays}
        classes = len(self._settings.classes)
        columns = {
            "extent": row.extent,
            "size": row.size,
            "class_pixels": class_pixels(row.name, row.truth.get(FIELD), classes),
            **({DIGEST: list(row.mask_digest)} if classes else {}),
            **({"category": row.category} if self._categories else {}),
            **({"offset": row.offset} if row.source is not None else {}),
        }
        self._check_shapes(row.name, arrays)
        with explained(self._path):
            for field, value in arrays.items():
                if field not in self._pixels:
                    self._pixels[field] = self._create(field, value)
                self._pixels[field].append(value)
        for field, value in columns.items():
            self._columns.setdefault(field, []).append(value)
        self._text["name"].append(row.name)
        self._text["subset"].append(row.subset)
        if row.source is not None:
            self._text.setdefault("source", []).append(row.source)
        add_to_digest(self._digest, row.name, row.subset, columns, arrays)

    def leave_out(self, image: LeftOut) -> None:
        """Put on record that an image is not there, and why."""
        self._left_out.append(image)

    def _create(self, field: str, value: np.ndarray) -> GrowingDataset:
        compression = TASKS[field].compression if field in TASKS else None
        return GrowingDataset(self._file, self._raw, field, value, compression)

    def _check_shapes(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        kinds = {field: (value.shape, value.dtype.name) for field, value in arrays.items()}
        first = {field: dataset.row_kind for field, dataset in self._pixels.items()}
        for field in {**first, **kinds} if first else ():
            found, expected = kinds.get(field), first.get(field)
            if found != expected:
                raise FewmaskError(
                    f"{name}: {field}: found {_described(found)}\n"
                    f"  expected: {_described(expected)}, as in {self._text['name'][0]}\n"
                    f"  mend: convert all images to one type"
                )

    def _close(self, error: type | None, *_: Any) -> None:
        """Complete the file and check it, or, after an error, only close it.

        Its pixels were checked while they were written.
        """
        with self._file:
            if error is None:
                self._complete()
        if error is None:
            self._raw.check()
            Store(self._partial).close()  # whether it is whole

    def _why(self) -> str:
        if not self._left_out:
            return ""
        return (
            f": all {len(self._left_out)} are damaged\n"
            f"  found: {self._left_out[0].reason}\n"
            f"  mend: replace them, or correct what the dataset's YAML says of them"
        )

    def _column(self, field: str) -> np.ndarray:
        return np.array(self._columns[field], COLUMN_TYPES.get(field, np.int64))

    def _check_masks(self) -> None:
        masked = self._column(DIGEST).any(axis=1)
        pixels, extents = self._column("class_pixels"), self._column("extent")
        check_masks(self._name, self._settings, pixels[masked], extents[masked])

    def _complete(self) -> None:
        if not self._columns:
            raise FewmaskError(f"{self._path}: there are no images to write{self._why()}")
        if self._settings.classes:
            self._check_masks()
        for dataset in self._pixels.values():
            dataset.flush()
        for field in self._columns:
            self._file.create_dataset(field, data=self._column(field))
        for field, values in self._text.items():
            self._file.create_dataset(field, data=values, dtype=h5py.string_dtype())
        if self._left_out:
            pairs = [(one.name, one.reason) for one in self._left_out]
            self._file.create_dataset("left_out", data=pairs, dtype=h5py.string_dtype())
        self._file.attrs.update(
            format=FORMAT,
            settings=self._settings_json,
            classes=json.dumps([one.name for one in self._settings.classes]),
            palette=np.array([one.colour for one in self._settings.classes], np.uint8).reshape(
                -1, 3
            ),
            categories=json.dumps(self._categories),
            fit=self._settings.fit,
            digest=self._digest.hexdigest(),
        )
        seal(self._file)


def _described(kind: tuple[tuple[int, ...], str] | None) -> str:
    if kind is None:
        return "nothing"
    return f"{kind[1]}, {' x '.join(map(str, kind[0]))}"
