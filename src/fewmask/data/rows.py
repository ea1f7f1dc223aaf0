"""What the processes do that decode: from an item of a reader to a row of the store.

It imports little, as every process has to.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.data.fit import fit_image, fit_values, place
from fewmask.data.readers import Item, Reader, open_reader, parse_settings
from fewmask.paths import data_folder


@dataclass(frozen=True)
class Row:
    """One picture at the size of the store; for the fields see `fewmask.data.store`."""

    name: str
    subset: str
    size: tuple[int, int]
    extent: tuple[int, int]
    image: np.ndarray
    mask: np.ndarray | None
    category: int = -1
    depth: np.ndarray | None = None
    normal: np.ndarray | None = None


def make_row(settings_json: str, item: Item) -> Row:
    """Load one picture and bring it to the size of the store."""
    settings, reader = _opened(settings_json, data_folder())
    sample = reader.load(item)
    placement = place(sample.image.shape[:2], settings.height_width, settings.fit)

    def fitted(values: np.ndarray | None, fill: float) -> np.ndarray | None:
        return None if values is None else fit_values(values, placement, fill)

    mask = fitted(sample.mask, IGNORE)
    if mask is None and settings.classes:
        mask = np.full(placement.frame, IGNORE, np.uint8)
    return Row(
        name=item.name,
        subset=item.subset,
        size=placement.size,
        extent=placement.extent,
        image=fit_image(sample.image, placement),
        mask=mask,
        category=-1 if sample.category is None else sample.category,
        depth=fitted(sample.depth, 0),
        normal=fitted(sample.normal, 0),
    )


@lru_cache(maxsize=1)
def _opened(settings_json: str, data: Path) -> tuple[Dataset, Reader]:
    """The reader of this process."""
    settings = parse_settings(settings_json)[1]
    return settings, open_reader(settings, data)
