"""Batches of images, masks and other truth, from the store to the device.

The images of a training are kept as they are stored, on the device if they fit there, else in
memory; else they are read from the file. What is not at hand is fetched one step ahead. The rows
that step k draws follow from (seed, k) alone.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np
import psutil
import torch
from torch import Tensor

from fewmask.config.task import load
from fewmask.core.errors import FewmaskError
from fewmask.core.seeds import derive
from fewmask.data.own_parts import OwnParts
from fewmask.data.pseudo_masks import PseudoMasks
from fewmask.data.scaling import Scaling
from fewmask.data.store.store import Store

NO_TRUTH = ("image", "pseudo_mask", "pseudo_confidence")
"""What is not the truth of a task."""

SHARE_OF_MEMORY = 0.4
"""The share of the free memory, of the device or of the machine, that images may fill."""


@dataclass
class Batch:
    """N images on the device, with what is known about them."""

    rows: np.ndarray
    """int64 (N): the images' rows in the store."""
    image: Tensor
    """float (N, C, H, W) in [0, 1], channels last."""
    inside: Tensor
    """float (N, 1, H, W): 1 inside the image, 0 in its padding."""
    category: Tensor | None = None
    """int64 (N): index into the dataset's categories, -1 = unknown; None if the images are to be
    seen as unlabelled."""
    pseudo_mask: Tensor | None = None
    """int64 (N, H, W): the predictions of another stage, 255 = ignore; None if none are learnt."""
    pseudo_confidence: Tensor | None = None
    """int64 (N, H, W): 255 times the confidence of that stage; None unless it is needed."""
    truth: dict[str, Tensor] = field(default_factory=dict)
    """The truth of tasks by their names, (N, H, W) or (N, channels, H, W): int64 classes, 255 where
    none counts, or float32 (see `fewmask.tasks`). Without that of tasks whose truth only labelled
    images have, if the images are to be seen as unlabelled."""
    tiles_of: np.ndarray | None = None
    """int64 (N): of tiles, the place of the image of each (see `StoredImages`); None if they are
    whole images."""
    is_rgb: bool = True
    """Whether the channels are red, green and blue, whose colours may be changed."""

    @property
    def mask(self) -> Tensor | None:
        """The truth of segmentation, int64 (N, H, W); None if it is absent."""
        return self.truth.get("segmentation")


class Images:
    """Images of a store, with the truth of tasks, as batches on a device."""

    def __init__(
        self,
        store: Store,
        rows: np.ndarray,
        device: torch.device,
        tasks: Collection[str] = (),
        pseudo_masks: PseudoMasks | None = None,
        with_confidence: bool = False,
        scaling: Scaling | None = None,
        each_pixel_once: bool = False,
    ) -> None:
        """Load images to the place where they fit.

        Args:
            rows: int64, the images' rows in the store, in any order.
            tasks: those whose truth is needed.
            pseudo_masks: read as well, if given, and with them their confidence, if requested.
            scaling: of the images' values; None: colours in 8 bits.
            each_pixel_once: whether the truth of pixels that several tiles show is known in one of
                them alone, so that measures of all tiles are those of whole images.

        Raises FewmaskError if the store lacks the truth of a task, or if the pseudo-masks belong to
        another dataset or do not cover all rows.
        """
        self.store, self.device, self.scaling = store, device, scaling
        self.rows = np.sort(rows)
        self.size = (store.height, store.width)
        self.extents = torch.from_numpy(store.extents[self.rows]).to(device)
        self._own = OwnParts(store, self.rows) if each_pixel_once and store.is_tiled else None
        self.categories = None
        if "category" in store.fields:
            self.categories = torch.from_numpy(store.read("category", self.rows)).to(device)
        self._read = _readers(store, tasks, pseudo_masks, with_confidence)
        values = sum(_bytes_per_pixel(name, store) for name in self._read)
        self.residence = _residence(len(rows) * store.height * store.width * values, device)
        if self.residence != "file":
            home = device if self.residence == "device" else torch.device("cpu")
            self._kept = {
                name: _tensor(read(self.rows)).to(home) for name, read in self._read.items()
            }

    def batch(self, rows: np.ndarray, labelled: bool = True) -> Batch:
        """The images at ``rows`` of the store, int64 (N), repeats allowed.

        ``labelled``: whether they come with what only labelled images have.
        """
        places = np.searchsorted(self.rows, rows)
        fetched = {
            name: self._fetch(name, rows, places)
            for name in self._read
            if labelled or name in NO_TRUTH or not load(name).of_labelled_images
        }
        index = torch.from_numpy(places).to(self.device)
        image = _as_float(fetched.pop("image"), self.scaling)
        is_rgb = self.store.dataset_settings.is_rgb
        batch = Batch(rows, image, _inside(self.extents[index], *self.size), is_rgb=is_rgb)
        if self.store.is_tiled:
            batch.tiles_of = self.store.images.of_rows[rows]
        for name, values in fetched.items():
            values = values.long() if values.dtype == torch.uint8 else _channels_first(values)
            if name in NO_TRUTH:
                setattr(batch, name, values)
            else:
                own = self._own
                batch.truth[name] = own.of(values, places, load(name).unknown) if own else values
        if labelled and self.categories is not None:
            batch.category = self.categories[index]
        return batch

    @property
    def is_at_hand(self) -> bool:
        """Whether a batch is neither read from a file nor moved to a GPU."""
        return self.residence == ("memory" if self.device.type == "cpu" else "device")

    @property
    def places(self) -> np.ndarray:
        """The places of these images among those of the store (see `StoredImages`), int64."""
        return self.store.images.among(self.rows)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """All images in the order of their rows."""
        for start in range(0, len(self.rows), batch_size):
            yield self.batch(self.rows[start : start + batch_size])

    def _fetch(self, name: str, rows: np.ndarray, places: np.ndarray) -> Tensor:
        if self.residence == "file":
            return _tensor(self._read[name](rows)).to(self.device)
        kept = self._kept[name]
        picked = kept[torch.from_numpy(places).to(kept.device)]
        return picked.to(self.device, non_blocking=True)


class Draws:
    """The batches of a training: for every role, which images each step draws."""

    def __init__(
        self, images: Images, rows: dict[str, np.ndarray], sizes: dict[str, int], seed: int
    ) -> None:
        """``rows``: the rows of each role; ``sizes``: the number of them that a step draws."""
        self.images, self.rows, self.sizes, self.seed = images, rows, sizes, seed
        self._reader = ThreadPoolExecutor(max_workers=1)
        self._ahead: tuple[int, Future] | None = None
        # Bounded: a step needs one or two epochs' orders of each role, and no old ones.
        self._order = lru_cache(maxsize=4 * len(sizes))(self._draw_order)

    def at(self, step: int) -> dict[str, Batch]:
        """The batches of a step, by role. Only those of labelled images are labelled."""
        if self.images.is_at_hand:
            return self._read(step)
        is_next = self._ahead is not None and self._ahead[0] == step
        batches = self._ahead[1].result() if is_next else self._read(step)
        self._ahead = (step + 1, self._reader.submit(self._read, step + 1))
        return batches

    def rows_at(self, role: str, step: int) -> np.ndarray:
        """The rows that a step draws. Each epoch has an order of its own, and starts where the one
        before ends, within a batch if need be."""
        rows, size = self.rows[role], self.sizes[role]
        epochs, places = np.divmod(np.arange(step * size, (step + 1) * size), len(rows))
        pairs = zip(epochs, places, strict=True)
        return rows[[self._order(role, int(epoch))[place] for epoch, place in pairs]]

    def _read(self, step: int) -> dict[str, Batch]:
        return {
            role: self.images.batch(self.rows_at(role, step), labelled=role == "labelled")
            for role in self.sizes
        }

    def _draw_order(self, role: str, epoch: int) -> np.ndarray:
        generator = np.random.default_rng(derive(self.seed, "order", role, epoch))
        return generator.permutation(len(self.rows[role]))


def joined(batches: Sequence[Batch], name: str) -> Tensor:
    """A field of several batches, or the truth of a task, as one tensor, in their order."""
    return torch.cat([batch.truth[name] if name in batch.truth else getattr(batch, name)
                      for batch in batches])  # fmt: skip


def as_batch(
    images: np.ndarray, extents: np.ndarray, device: torch.device, scaling: Scaling | None = None
) -> Batch:
    """A batch of images that come from no store, for predictions.

    Args:
        images: (N, H, W, C), as a store holds them.
        extents: int (N, 2), height and width of the part of each that is image, not padding.
        scaling: of their values; None: colours in 8 bits.
    """
    inside = _inside(torch.from_numpy(extents).to(device), *images.shape[1:3])
    return Batch(np.arange(len(images)), _as_float(_tensor(images).to(device), scaling), inside)


def _readers(
    store: Store,
    tasks: Collection[str],
    pseudo_masks: PseudoMasks | None,
    with_confidence: bool,
) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """A function for every field that is needed, which reads the values of given rows."""
    for task in tasks:
        if load(task).field not in store.fields:
            raise FewmaskError(
                f"{store.path}: has no {task}, which the objective learns\n"
                f"  found: {', '.join(sorted(store.fields))}\n"
                f"  mend: choose a dataset that has it, or leave it out of the objective's tasks"
            )
    readers = {"image": partial(store.read, "image")}
    readers |= {task: partial(store.read, load(task).field) for task in tasks}
    if pseudo_masks is not None:
        pseudo_masks.check(store)
        readers["pseudo_mask"] = pseudo_masks.labels
        if with_confidence:
            readers["pseudo_confidence"] = pseudo_masks.confidence
    return readers


def _channels_first(values: Tensor) -> Tensor:
    """(N, H, W, C) as (N, C, H, W); without channels as it is."""
    return values.permute(0, 3, 1, 2).contiguous() if values.ndim == 4 else values


def _bytes_per_pixel(name: str, store: Store) -> int:
    if name == "image":
        return store.image_bytes
    return 1 if name in NO_TRUTH else load(name).bytes_per_pixel


def _tensor(values: np.ndarray) -> Tensor:
    """Values as a tensor; 16 bits without a sign, which torch can hardly index, as those with one,
    bit for bit."""
    return torch.from_numpy(values.view(np.int16) if values.dtype == np.uint16 else values)


def _as_float(image: Tensor, scaling: Scaling | None) -> Tensor:
    """(N, H, W, C) as float (N, C, H, W) in [0, 1]: channels last without a copy."""
    if image.dtype == torch.int16:  # see _tensor
        image = image.int() & 0xFFFF
    image = image.permute(0, 3, 1, 2).float()
    if scaling is None:
        return image.div_(255)
    low, high = (image.new_tensor(one).view(-1, 1, 1) for one in (scaling.low, scaling.high))
    return (image - low).div_(high - low).clamp_(0, 1)


def _inside(extents: Tensor, height: int, width: int) -> Tensor:
    """float (N, 1, H, W): 1 where the images are, 0 in their padding."""
    down = torch.arange(height, device=extents.device) < extents[:, :1]
    across = torch.arange(width, device=extents.device) < extents[:, 1:]
    return (down[:, None, :, None] & across[:, None, None, :]).float()


def _residence(size: int, device: torch.device) -> str:
    """Where images of ``size`` bytes are kept: ``device``, ``memory`` or ``file``."""
    if device.type == "cuda" and size < SHARE_OF_MEMORY * torch.cuda.mem_get_info(device)[0]:
        return "device"
    return "memory" if size < SHARE_OF_MEMORY * psutil.virtual_memory().available else "file"
