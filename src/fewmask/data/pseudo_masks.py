"""Files of pseudo-masks: the predictions of a trained network for the training images.

    labels      uint8  (M, H, W)  class indices; 255 = ignore, in the padding
    confidence  uint8  (M, H, W)  255 x the highest probability, rounded; 0 in the padding
    row         int64  (M,)       the images' rows in the store, ascending
    reliability float64 (M,)      how far the snapshots of the training agree with them, in [0, 1];
                                  absent where it kept none

Attributes: pseudo_masks_format, those of `Origin`, and a seal (see `fewmask.data.store.hdf5`). One
row per chunk, with checksums. The same weights and data give the same bytes.
"""

import copy
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Self

import h5py
import numpy as np

from fewmask import IGNORE
from fewmask.data.store.hdf5 import hdf5_written_whole, read_rows, rows_per_block
from fewmask.data.store.sealed import SealedFile
from fewmask.data.store.store import Store

FORMAT_ATTRIBUTE, FORMAT = "pseudo_masks_format", 2
PIXELS = ("labels", "confidence")
COMPRESSION = "gzip"
"""Not lzf: the bytes it writes depend on what the process compressed before (its table of earlier
strings is never cleared), and other bytes are another file to every stage that learns from it."""


@dataclass(frozen=True)
class Origin:
    """The origin of pseudo-masks; paths are relative to the folder of the pseudo-masks, so that
    results can be moved as a whole."""

    dataset: str
    """The name of the dataset."""
    dataset_file: str
    dataset_digest: str
    """SHA-256 of the store's content."""
    weights_file: str
    weights_digest: str
    """SHA-256 of the file of weights."""
    classes: tuple[str, ...]
    """The names of the classes in the order of their indices."""


def write_pseudo_masks(
    path: Path,
    rows: np.ndarray,
    size: tuple[int, int],
    parts: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
    origin: Origin,
) -> None:
    """Write pseudo-masks whole or not at all.

    Args:
        rows: int64 (M,), ascending.
        size: height and width.
        parts: labels and confidence, uint8 (n, H, W) each, and reliability, float (n) or NaN where
            it is unknown, of the rows in their order, in batches.
        origin: the data and weights from which they were made.

    Raises FewmaskError if the file cannot be written.
    """
    form = {"shape": (len(rows), *size), "chunks": (1, *size), "dtype": np.uint8}
    with hdf5_written_whole(path) as file:
        file["row"] = rows
        for name in PIXELS:
            file.create_dataset(name, **form, compression=COMPRESSION, fletcher32=True)
        start, known = 0, []
        for *part, reliability in parts:
            stop = start + len(part[0])
            for name, values in zip(PIXELS, part, strict=True):
                file[name][start:stop] = values
            start = stop
            known.append(reliability)
        reliability = np.concatenate(known)
        if not np.isnan(reliability).any():
            file["reliability"] = reliability
        file.attrs.update({FORMAT_ATTRIBUTE: FORMAT}, **asdict(origin))


def holds_pseudo_masks(path: Path) -> bool:
    """Whether a file holds pseudo-masks, damaged or not, and not something else."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            return FORMAT_ATTRIBUTE in file.attrs
    except (OSError, KeyError, RuntimeError):  # whatever damage makes of HDF5's structure
        return False


class PseudoMasks(SealedFile):
    """A file of pseudo-masks, open for reading.

    Raises FewmaskError if it is missing, holds something else, is damaged, or is of another format.
    """

    kind = "pseudo-masks that Fewmask wrote"
    format_attribute, format = FORMAT_ATTRIBUTE, FORMAT
    missing = "run the workflow (or fewmask pseudo-label)"
    mend = "delete it and run the workflow again (or fewmask pseudo-label)"
    _thresholds: np.ndarray | None = None
    """What the confidence of a pixel must reach, by its class, uint8 (256); None: nothing."""

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def rows(self) -> np.ndarray:
        """The rows of the store that have one, int64 (M,), ascending."""
        return self._file["row"][:]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self._file["labels"].shape[1:]

    @cached_property
    def origin(self) -> Origin:
        """The data and weights from which they were made."""
        values = {one.name: self._file.attrs[one.name] for one in fields(Origin)}
        return Origin(**values | {"classes": tuple(values["classes"])})

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """The pseudo-masks of ``rows`` of the store in any order, with repeats: uint8 (n, H, W).

        Raises FewmaskError if a row has none, or if the file is damaged there.
        """
        labels = self._read("labels", rows)
        if self._thresholds is not None:
            labels[self._read("confidence", rows) < self._thresholds[labels]] = IGNORE
        return labels

    def confidence(self, rows: np.ndarray) -> np.ndarray:
        """The confidence of the network, likewise: uint8 (n, H, W), 255 times the probability."""
        return self._read("confidence", rows)

    def most_reliable(self, rows: np.ndarray, share: float) -> np.ndarray:
        """Of ``rows``, int64 (n), the share with the most reliable pseudo-masks, at least one.

        The same in their order: ties go to the first. Raises FewmaskError if it is unknown how
        reliable they are.
        """
        if "reliability" not in self._file:
            raise self.error(
                "it is unknown which of these pseudo-masks are reliable\n"
                "  mend: snapshots: 3 in the stage that predicts them"
            )
        of_rows = self._file["reliability"][:][np.searchsorted(self.rows, rows)]
        count = max(1, round(share * len(rows)))
        return rows[np.sort(np.argsort(-of_rows, kind="stable")[:count])]

    def most_confident(self, rows: np.ndarray, share: float) -> Self:
        """The same, in which ``labels`` ignores what is less confident than most of its class.

        Of the pixels of a class in ``rows``, int64 (n), the share with the highest confidence
        stays, at least one, and with them all that are as confident as the last of them. Every
        class has this quota, whatever its size (Zou et al. 2018, class-balanced self-training).
        """
        counts = np.zeros(256 * 256, np.int64)
        step = rows_per_block(int(np.prod(self.size)))
        for block in (rows[start : start + step] for start in range(0, len(rows), step)):
            cells = 256 * self.labels(block).astype(np.int64) + self.confidence(block)
            counts += np.bincount(cells.ravel(), minlength=len(counts))
        as_confident = counts.reshape(256, 256)[:, ::-1].cumsum(axis=1)  # as 255, 254, ...
        quota = np.maximum(1, np.rint(share * as_confident[:, -1:]))
        found = copy.copy(self)
        found._thresholds = (255 - (as_confident >= quota).argmax(axis=1)).astype(np.uint8)
        return found

    def check(self, store: Store) -> None:
        """Raise FewmaskError if they belong to other images or another size than a store."""
        found = (self.origin.dataset_digest, self.size)
        expected = (store.digest, (store.height, store.width))
        if found != expected:
            raise self.error(
                f"pseudo-masks of other images than {store.path} holds\n"
                f"  found: {_described(self.origin.dataset, *found)}\n"
                f"  expected: {_described(store.dataset, *expected)}"
            )

    def _read(self, field: str, rows: np.ndarray) -> np.ndarray:
        rows = np.asarray(rows, np.int64)
        unknown = rows[~np.isin(rows, self.rows)]
        if len(unknown):
            raise self.error(
                f"no pseudo-mask of row {unknown[0]} of {self.origin.dataset}\n"
                f"  found: those of {len(self)} rows from {self.rows[0]} to {self.rows[-1]}\n"
                f"  expected: one for every training image; was the split drawn anew?"
            )
        try:
            return read_rows(self._file[field], np.searchsorted(self.rows, rows))
        except OSError as error:
            raise self._damaged(error) from None

    def _check(self) -> None:
        shapes = {name: self._file[name].shape for name in (*PIXELS, "row") if name in self._file}
        lacking = {one.name for one in fields(Origin)} - set(self._file.attrs)
        lengths = {shape[0] for shape in shapes.values()}
        if len(shapes) < 3 or len(lengths) > 1 or 0 in lengths or lacking:
            raise self.error(f"not whole: it holds {shapes}")


def _described(dataset: str, digest: str, size: tuple[int, int]) -> str:
    return f"{dataset}, {size[0]} x {size[1]}, content {digest[:12]}"
