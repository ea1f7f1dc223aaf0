"""What the processes do that decode: from an item of a reader to a row of the store.

It imports little, as every process has to.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.config.named import dataset_from_json
from fewmask.config.task import fields
from fewmask.core.paths import data_folder
from fewmask.data.preparation.fit import Placement, fit_image, fit_values, place
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.image_files import is_inside
from fewmask.data.preparation.opening import large_images
from fewmask.data.preparation.tiling import Tiling
from fewmask.data.readers.reader import Item, Reader, Sample, open_reader
from fewmask.data.store.images import tile_name
from fewmask.data.store.labels import mask_digest


@dataclass(frozen=True)
class Row:
    """An image, or a tile, at the size of the store (see `fewmask.data.store.store`)."""

    name: str
    subset: str
    size: tuple[int, int]
    extent: tuple[int, int]
    image: np.ndarray
    truth: dict[str, np.ndarray] = field(default_factory=dict)
    """Of tasks, by their fields."""
    category: int = -1
    mask_digest: bytes = bytes(32)
    source: str | None = None
    """Of a tile, the name of the image that it was cut from."""
    offset: tuple[int, int] = (0, 0)
    notes: dict[str, int] = field(default_factory=dict)
    """See `Sample.notes`; of the tiles of an image, the first has them."""


@dataclass(frozen=True)
class LeftOut:
    """A damaged image that is left out."""

    name: str
    reason: str
    """One line that names the file."""


def make_rows(settings_json: str, items: Sequence[Item]) -> list[list[Row] | LeftOut]:
    """The rows of images: of each one row, or those of its tiles. Of a damaged one: a `LeftOut` if
    the settings allow it.

    Raises ImageError for a damaged image if they do not.
    """
    settings, reader, root = _opened(settings_json, data_folder())
    make = _make_or_leave_out if settings.skip_damaged else _make
    return [make(settings, reader, root, item) for item in items]


def _make_or_leave_out(
    settings: Dataset, reader: Reader, root: Path, item: Item
) -> list[Row] | LeftOut:
    try:
        return _make(settings, reader, root, item)
    except ImageError as error:
        return LeftOut(item.name, str(error).splitlines()[0])


def _make(settings: Dataset, reader: Reader, root: Path, item: Item) -> list[Row]:
    """Load one image and bring it, or its tiles, to the size of the store."""
    _check_files(item, root)
    with large_images() if settings.tiles else nullcontext():
        sample = reader.load(item)
    size = sample.image.shape[:2]
    if settings.tiles is None:
        return [_row(settings, item, sample, place(size, settings.height_width, settings.fit))]
    digest, tiling = mask_digest(sample.truth.get("mask")), Tiling.of(size, settings.tiles)
    return [
        replace(
            _tile(settings, item, sample, tiling, offset),
            name=tile_name(item.name, offset),
            source=item.name,
            offset=offset,
            size=size,
            mask_digest=digest,
        )
        for offset in tiling.offsets
    ]


def _tile(
    settings: Dataset, item: Item, sample: Sample, tiling: Tiling, offset: tuple[int, int]
) -> Row:
    """The part of an image that a tile shows, padded if the image is smaller."""
    window = tiling.window(offset)
    truth = {field: values[window] for field, values in sample.truth.items()}
    notes = {} if any(offset) else sample.notes
    part = replace(sample, image=sample.image[window], truth=truth, notes=notes)
    placement = place(part.image.shape[:2], settings.height_width, "keep")
    return _row(settings, item, part, placement)


def _row(settings: Dataset, item: Item, sample: Sample, placement: Placement) -> Row:
    return Row(
        name=item.name,
        subset=item.subset,
        size=placement.size,
        extent=placement.extent,
        image=fit_image(sample.image, placement),
        truth=_fitted(sample, settings, placement),
        category=-1 if sample.category is None else sample.category,
        mask_digest=mask_digest(sample.truth.get("mask")),
        notes=sample.notes,
    )


def _fitted(sample: Sample, settings: Dataset, placement: Placement) -> dict[str, np.ndarray]:
    """The truth of all tasks of which the dataset knows it, by their fields; what is not known of
    this image is `Task.unknown`."""
    truth = {}
    for name, task in fields().items():
        if name in sample.truth:
            truth[name] = fit_values(sample.truth[name], placement, task.unknown)
        elif task.name in settings.gives:
            truth[name] = task.nothing_known(placement.frame)
    return truth


def _check_files(item: Item, root: Path) -> None:
    """Raise ImageError for a file outside the dataset's folder, and for a missing mask.

    Names on lists may contain ``..``, and links may lead anywhere: a dataset must not read files
    that are not its own. The folder itself may be a link.
    """
    for path in (item.image, item.mask):
        if path is not None and not is_inside(path, root):
            raise ImageError(
                f"{path}: found a file outside the dataset's folder: {path.resolve()}\n"
                f"  expected: a file in {root}\n"
                f"  mend: copy it into the folder (which may be a link as a whole), or remove it "
                f"from the list"
            )
    if item.needs_mask and item.mask is None:
        raise ImageError(
            f"{item.image}: found no mask of this image\n"
            f"  expected: a mask of every image (masks_required)\n"
            f"  mend: draw one, or set masks_required to false: then it is unlabelled"
        )


@lru_cache(maxsize=1)
def _opened(settings_json: str, data: Path) -> tuple[Dataset, Reader, Path]:
    """The reader of this process, and the dataset's folder without links."""
    settings = dataset_from_json(settings_json)[1]
    return settings, open_reader(settings, data), (data / (settings.root or "")).resolve()
