"""The masks from which a store was prepared, at their own sizes, read from their files again."""

from pathlib import Path

import numpy as np

from fewmask.core.errors import FewmaskError
from fewmask.core.paths import data_folder
from fewmask.data.readers.reader import open_reader
from fewmask.data.store.labels import mask_digest
from fewmask.data.store.store import Store


class OriginalMasks:
    """The masks of a store's rows. Raises FewmaskError if the files cannot be listed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reader = open_reader(store.dataset_settings, data_folder())
        self._items = {item.name: item for item in self._reader.items()}
        self._digests = store.read("mask_digest")

    def read(self, row: int) -> np.ndarray:
        """The mask of a row that has one: class indices, uint8 (H, W), 255 = ignore.

        Raises FewmaskError if it is missing, or is not the one that was prepared.
        """
        name = self._store.names[row]
        item = self._items.get(name)
        if item is None:
            raise self._changed(name, None, "no image of this name any more")
        mask = self._reader.load(item).truth.get("mask")
        if mask is None:
            raise self._changed(name, item.image, "no mask of this image any more")
        if mask_digest(mask) != self._digests[row].tobytes():
            raise self._changed(name, item.mask, "another mask than the one that was prepared")
        return mask

    def _changed(self, name: str, path: Path | None, found: str) -> FewmaskError:
        return FewmaskError(
            f"{path or self._store.dataset}, {name}: found {found}\n"
            f"  expected: the files from which {self._store.path} was prepared\n"
            f"  mend: put them back; or delete {self._store.path} and run again, which retrains "
            f"everything"
        )
