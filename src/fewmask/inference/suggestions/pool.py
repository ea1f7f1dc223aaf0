"""The images that suggestions are chosen from, and those whose masks are known."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from fewmask import IGNORE
from fewmask.config.task import load
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import data_folder
from fewmask.data.batches import Images
from fewmask.data.preparation.fit import unfit
from fewmask.data.readers.reader import open_reader
from fewmask.data.scaling import shown_images
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference.overview import Overview
from fewmask.inference.strips import stored_strips
from fewmask.inference.suggestions.scores import Part
from fewmask.inference.trained import Trained
from fewmask.objectives.assessment import predictions

BATCH_SIZE = 32
SEGMENTATION = load("segmentation")
VIEW = (512, 512)
"""What a large image is shown in."""


@dataclass(frozen=True)
class WithMask:
    """An image, with its mask as a network predicts it."""

    mask: np.ndarray
    """At the image's own size, uint8 (H, W); `IGNORE` where the network did not see it."""
    image: np.ndarray
    """The image as it is shown, uint8 (h, w, 3)."""
    shown_mask: np.ndarray
    """The mask at this size, uint8 (h, w)."""

    @classmethod
    def of_strips(
        cls, size: tuple[int, int], strips: Iterable[tuple[int, np.ndarray]], image: Overview
    ) -> Self:
        """From strips of the mask, each after its first row, and an overview of the image, which
        must be complete once all strips are read."""
        mask, shown = np.empty(size, np.uint8), Overview(size, VIEW, IGNORE)
        for top, rows in strips:
            mask[top : top + len(rows)] = rows
            shown.add(rows, top)
        height, width = image.extent
        return cls(mask, image.values[:height, :width], shown.values[:height, :width])


class Pool(Protocol):
    """Images by their numbers."""

    names: Sequence[str]
    free: np.ndarray
    """The numbers of those to choose from."""
    known: np.ndarray
    """The numbers of those whose masks are known."""

    def parts(self) -> Iterator[Part]:
        """All of them, in batches."""
        ...

    def predicted(self, number: int, trained: Trained) -> WithMask:
        """An image with its predicted mask."""
        ...

    def file(self, number: int) -> Path | None:
        """The file of an image; None if it has no file of its own."""
        ...


class StoredPool:
    """Images of a store. Those that a network was trained on with their masks are known; those that
    are unlabelled to all networks can be chosen. No mask is read."""

    def __init__(
        self,
        store: Store,
        splits: Sequence[Path],
        trained: Sequence[Trained],
        needs_free: bool,
        only_masked: bool = False,
    ) -> None:
        """``splits``: of the ``trained`` networks. ``needs_free``: whether images are chosen.
        ``only_masked``: only among those that the store has masks of, which are not read.

        Raises FewmaskError: a network was trained on other data or with another split, or images
        are to be chosen, and none is unlabelled to all networks.
        """
        self._store, self.names = store, store.images.names
        known: set[int] = set()
        free = {*range(len(store.images))}
        for split, one in zip(splits, trained, strict=True):
            roles = split_files.read(split, store.names)
            one.check(store, split, roles)
            known |= {*store.images.among(roles["labelled"]).tolist()}
            free &= {*store.images.among(roles["unlabelled"]).tolist()}
        if only_masked:
            free &= {*store.images.among(np.flatnonzero(store.labelled)).tolist()}
        if needs_free and not free:
            raise FewmaskError(
                f"{store.path}: no image is unlabelled, so that there is none to suggest\n"
                f"  found: {len(known)} labelled images in {', '.join(map(str, splits))}\n"
                f"  mend: add images without masks, or name a smaller fraction"
            )
        self.free, self.known = np.array(sorted(free)), np.array(sorted(known), np.int64)
        rows = np.isin(store.images.of_rows, [*known, *free])
        device, scaling = trained[0].runtime.device, trained[0].scaling
        self._images = Images(store, np.flatnonzero(rows), device, scaling=scaling)

    def parts(self) -> Iterator[Part]:
        """All of them, in batches."""
        return self.parts_of(np.concatenate([self.known, self.free]))

    def parts_of(self, numbers: np.ndarray) -> Iterator[Part]:
        """Some of them, in batches."""
        of_rows = self._store.images.of_rows
        rows = np.flatnonzero(np.isin(of_rows, numbers))
        for start in range(0, len(rows), BATCH_SIZE):
            batch = self._images.batch(rows[start : start + BATCH_SIZE])
            yield Part(of_rows[batch.rows], batch)

    def predicted(self, number: int, trained: Trained) -> WithMask:
        """An image with its predicted mask."""
        if self._store.is_tiled:
            return self._from_tiles(number, trained)
        batch = self._images.batch(self._store.images.rows(number))
        [(_, outputs)] = predictions(trained.network, [batch], trained.runtime.autocast)
        found, (height, width) = (
            SEGMENTATION.stored(outputs["segmentation"])[0],
            self._extent(number),
        )
        image = self._view(number)[0, :height, :width]
        size = tuple(self._store.sizes[number].tolist())
        mask = unfit(found, size, self._store.dataset_settings.fit)
        return WithMask(mask, image, found[:height, :width])

    def _from_tiles(self, number: int, trained: Trained) -> WithMask:
        rows = self._store.images.rows(number)
        size = tuple(self._store.sizes[rows[0]].tolist())
        image = Overview(size, VIEW, 0)
        for row in rows:
            (height, width), offset = self._extent(row), self._store.read("offset", [row])[0]
            image.add(self._view(row)[0, :height, :width], *offset)
        strips = (
            (strip.top, SEGMENTATION.stored(strip.outputs["segmentation"])[0])
            for strip in stored_strips(trained, self._images, number)
        )
        return WithMask.of_strips(size, strips, image)

    def _view(self, row: int) -> np.ndarray:
        return shown_images(self._store, [row], self._images.scaling)

    def _extent(self, row: int) -> tuple[int, int]:
        return tuple(self._store.extents[row].tolist())

    def file(self, number: int) -> Path | None:
        """The file of an image; None if it has no file of its own."""
        return self._files.get(self.names[number])

    @cached_property
    def _files(self) -> dict[str, Path | None]:
        reader = open_reader(self._store.dataset_settings, data_folder())
        return {item.name: item.image for item in reader.items()}
