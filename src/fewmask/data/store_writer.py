"""Writes the prepared dataset (see `fewmask.data.store`) whole or not at all."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.data.store import FORMAT, PIXELS, Store, add_to_digest
from fewmask.errors import FewmaskError

UNWRITABLE = (OSError, RuntimeError)  # what h5py raises when, for example, the disk is full


@dataclass(frozen=True)
class Row:
    """One picture at the size of the store; for the fields see `fewmask.data.store`."""

    name: str
    subset: str
    size: tuple[int, int]
    extent: tuple[int, int]
    image: np.ndarray
    mask: np.ndarray
    category: int | None = None
    depth: np.ndarray | None = None
    normal: np.ndarray | None = None


def parse_settings(settings_json: str) -> tuple[str, Dataset]:
    """The name and the settings of a dataset from the JSON that `Grid.reading` makes of them."""
    try:
        values = json.loads(settings_json)
        name = values.pop("dataset")
        return name, Dataset.model_validate(values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FewmaskError(
            f"--settings: {error}\n  expected: JSON as the workflow makes it, with a key 'dataset'"
        ) from None


class StoreWriter:
    """Writes a store beside its final name; the final name appears when all is well.

    Use it as a context manager and ``append`` the rows in their order. If the block ends with an
    exception, nothing is left behind. Raises FewmaskError if the file cannot be written, or if a
    row does not agree with the first one.
    """

    def __init__(self, path: Path, settings_json: str, categories: tuple[str, ...] = ()) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._dataset, self._settings = parse_settings(settings_json)
        self._settings_json = settings_json
        self._categories = categories
        self._digest = hashlib.sha256()
        self._names: list[str] = []
        self._subsets: list[str] = []
        self._columns: dict[str, list] = {}
        self._fields: dict[str, h5py.Dataset] = {}

    def __enter__(self) -> "StoreWriter":
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = h5py.File(self._partial, "w")
        except UNWRITABLE as error:
            raise _unwritable(self._path, error) from None
        return self

    def append(self, row: Row) -> None:
        """Add one picture."""
        arrays = {field: getattr(row, field) for field in PIXELS}
        arrays = {field: value for field, value in arrays.items() if value is not None}
        pixels = np.bincount(row.mask.ravel(), minlength=256)
        self._check(row, arrays, pixels)
        columns = {"extent": row.extent, "size": row.size, "class_pixels": pixels[: self._classes]}
        if self._categories:
            columns["category"] = -1 if row.category is None else row.category
        try:
            if not self._names:
                self._fields = {field: self._create(field, arrays[field]) for field in arrays}
            for field, value in arrays.items():
                self._fields[field].resize(len(self._names) + 1, axis=0)
                self._fields[field][-1] = value
        except UNWRITABLE as error:
            raise _unwritable(self._path, error) from None
        for field, value in columns.items():
            self._columns.setdefault(field, []).append(value)
        self._names.append(row.name)
        self._subsets.append(row.subset)
        add_to_digest(self._digest, row.name, row.subset, columns, arrays)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        try:
            if kind is None:
                self._finish()
            else:
                with suppress(*UNWRITABLE):
                    self._file.close()
        except UNWRITABLE as failure:
            raise _unwritable(self._path, failure) from None
        finally:
            self._partial.unlink(missing_ok=True)

    @property
    def _classes(self) -> int:
        return len(self._settings.classes)

    def _create(self, field: str, value: np.ndarray) -> h5py.Dataset:
        return self._file.create_dataset(
            field,
            shape=(0, *value.shape),
            maxshape=(None, *value.shape),
            chunks=(1, *value.shape),
            dtype=value.dtype,
            compression="lzf" if field == "mask" else None,
        )

    def _check(self, row: Row, arrays: dict[str, np.ndarray], pixels: np.ndarray) -> None:
        meaningless = [v for v in np.flatnonzero(pixels) if v >= self._classes and v != IGNORE]
        if meaningless:
            raise FewmaskError(
                f"{row.name}: the mask holds class {meaningless[0]}, "
                f"but there are only {self._classes} classes"
            )
        shapes = {field: value.shape for field, value in arrays.items()}
        first = {field: dataset.shape[1:] for field, dataset in self._fields.items()}
        if self._names and shapes != first:
            raise FewmaskError(
                f"{row.name}: found {shapes}\n  expected: {first}, as {self._names[0]} has"
            )

    def _finish(self) -> None:
        file, path = self._file, self._path
        if not self._names:
            file.close()
            raise FewmaskError(f"{path}: there are no pictures to write")
        for field, values in self._columns.items():
            dtype = np.int32 if field in ("extent", "size") else np.int64
            file.create_dataset(field, data=np.array(values, dtype))
        text = h5py.string_dtype()
        file.create_dataset("name", data=self._names, dtype=text)
        file.create_dataset("subset", data=self._subsets, dtype=text)
        classes = self._settings.classes
        file.attrs.update(
            dataset=self._dataset,
            settings=self._settings_json,
            classes=json.dumps([one.name for one in classes]),
            palette=np.array([one.colour for one in classes], np.uint8),
            categories=json.dumps(self._categories),
            fit=self._settings.fit,
            digest=self._digest.hexdigest(),
            format=FORMAT,
        )
        file.close()
        with Store(self._partial) as store:
            store.verify()
        _to_disk(self._partial)
        os.replace(self._partial, path)
        _to_disk(path.parent)


def _to_disk(path: Path) -> None:
    """Have the system write a file's or a folder's content, lest a power cut leave it half."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: Exception) -> FewmaskError:
    return FewmaskError(f"{path}: cannot be written: {error}\n  mend: free space, or permissions")
